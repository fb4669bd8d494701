package key

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/cryptotest"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/vectors"
)

// The vectors in testdata/vectors/damaged-keys are for every program that reads keys;
// the README beside them describes index.json. They are made by this file:
//
//	go test ./key -run TestDamagedVectors -update

var damagedDir = filepath.Join("..", "testdata", "vectors", "damaged-keys")

// damagedVector is a vector and its key.
type damagedVector struct {
	vectors.Vector
	content []byte
}

// newVector returns the vector of a key. Its locked model does not matter.
func newVector(file, about, class string) vectors.Vector {
	return vectors.Vector{Name: strings.TrimSuffix(file, ".key"), About: about, Locked: "../keys/patches/locked.onnx", Key: file, Identity: "identity.txt", Error: class}
}

// classOf returns the class of an error in index.json.
func classOf(err error) string {
	version, cipher, unknown := (*VersionError)(nil), (*CipherError)(nil), (*UnknownError)(nil)
	switch {
	case errors.As(err, &version), errors.As(err, &cipher), errors.As(err, &unknown):
		return "version"
	case errors.Is(err, ErrDamaged):
		return "damaged"
	case errors.Is(err, ErrIdentity):
		return "identity"
	}
	return ""
}

var notInNames = regexp.MustCompile("[^a-z0-9]+")

// damagedVectors makes all vectors but those that are sealed, which are different each
// time.
func damagedVectors(t *testing.T) (list []damagedVector) {
	t.Helper()
	add := func(group, about, class string, content []byte) {
		slug := strings.Trim(notInNames.ReplaceAllString(strings.NewReplacer("³²", "-32").Replace(strings.ToLower(about)), "-"), "-")
		list = append(list, damagedVector{newVector(group+"-"+slug+".key", about, class), content})
	}
	plain := plainBytes(t, sample())
	payload := plain[len(plainHeader(nil)):]
	flip := func(at int) []byte {
		b := bytes.Clone(plain)
		b[at] ^= 1
		return b
	}
	add("container", "empty", "damaged", nil)
	add("container", "no key", "damaged", []byte("no key\n"))
	add("container", "an identity", "damaged", []byte("AGE-SECRET-KEY-1\n"))
	add("container", "the header alone", "damaged", plain[:len(plainHeader(nil))])
	add("container", "half a header", "damaged", plain[:len(plainHeader(nil))/2])
	add("container", "another version of the header", "damaged", bytes.Replace(plain, []byte("key 1:"), []byte("key 2:"), 1))
	add("container", "lines that end as on Windows", "damaged", bytes.Replace(plain, []byte("\n"), []byte("\r\n"), 2))
	add("container", "digest in capitals", "damaged", append(bytes.ToUpper(plain[:len(plainHeader(nil))]), payload...))
	add("container", "a bit of the digest", "damaged", flip(len(plainHeader(nil))-2))
	add("container", "the first bit of the payload", "damaged", flip(len(plainHeader(nil))))
	add("container", "the last bit of the payload", "damaged", flip(len(plain)-1))
	add("container", "truncated", "damaged", plain[:len(plain)-1])
	add("container", "a byte too many", "damaged", append(bytes.Clone(plain), 0))
	add("payload", "empty", "damaged", withPayload(nil))
	add("payload", "truncated", "damaged", withPayload(payload[:len(payload)-1]))
	add("payload", "no protobuf", "damaged", withPayload([]byte{0xff, 0xff, 0xff}))
	for _, group := range []struct {
		name string
		key  *Key
		list []contradiction
	}{{"record", sample(), contradictions()}, {"steps", stepped(), stepContradictions()}} {
		for _, c := range group.list {
			m := message(t, group.key)
			c.change(m)
			payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			class := "damaged"
			switch {
			case c.name == "no version", c.name == "no kind", c.name == "kind beyond a byte", strings.HasPrefix(c.name, "next "), strings.HasPrefix(c.name, "unknown "):
				class = "version"
			}
			add(group.name, c.name, class, withPayload(payload))
		}
	}
	return list
}

// sealedVectors are sealed keys, which only identity.txt beside them might open.
var sealedVectors = []struct {
	file, about, error string
	make               func(t *testing.T, mine, other *age.X25519Identity) []byte
}{
	{"sealed-to-others.key", "sealed to another identity", "identity", func(t *testing.T, _, other *age.X25519Identity) []byte {
		return sealedBytes(t, small(), other.Recipient())
	}},
	{"sealed-truncated.key", "sealed, truncated", "damaged", func(t *testing.T, mine, _ *age.X25519Identity) []byte {
		data := sealedBytes(t, small(), mine.Recipient())
		return data[:len(data)-1]
	}},
	{"sealed-changed.key", "sealed, a bit of the content changed", "damaged", func(t *testing.T, mine, _ *age.X25519Identity) []byte {
		data := sealedBytes(t, small(), mine.Recipient())
		data[len(data)-1] ^= 1
		return data
	}},
	{"sealed-armor-cut.key", "sealed and armored, without the last line", "damaged", func(t *testing.T, mine, _ *age.X25519Identity) []byte {
		data := armoredBytes(t, sealedBytes(t, small(), mine.Recipient()))
		return data[:bytes.LastIndex(bytes.TrimSpace(data), []byte("\n"))+1]
	}},
}

// TestDamagedVectors reads every vector, and checks that the committed files are those
// that are made here.
func TestDamagedVectors(t *testing.T) {
	made := damagedVectors(t)
	if *update {
		writeDamaged(t, made)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(damagedDir, name))
		if err != nil {
			t.Fatalf("%v: run this test with -update", err)
		}
		return data
	}
	var index vectors.Index
	if err := json.Unmarshal(read("index.json"), &index); err != nil {
		t.Fatal(err)
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(read("identity.txt"))))
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Vectors) != len(made)+len(sealedVectors) || index.Version != vectors.Version {
		t.Errorf("index.json has %d vectors, want %d: run this test with -update", len(index.Vectors), len(made)+len(sealedVectors))
	}
	for i, v := range index.Vectors {
		data := read(v.Key)
		if i < len(made) && (!reflect.DeepEqual(v, made[i].Vector) || !bytes.Equal(data, made[i].content)) {
			t.Errorf("%s is not what is made here: run this test with -update", v.Key)
		}
		k, err := Read(bytes.NewReader(data), identity)
		if k != nil || classOf(err) != v.Error {
			t.Errorf("%s, %s: error %v, want one of class %s", v.Key, v.About, err, v.Error)
		}
	}
}

// writeDamaged writes the vectors and their identity, the same in every run.
func writeDamaged(t *testing.T, list []damagedVector) {
	t.Helper()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(damagedDir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(damagedDir, 0o777); err != nil {
		t.Fatal(err)
	}
	var all []vectors.Vector
	for _, v := range list {
		write(v.Key, v.content)
		all = append(all, v.Vector)
	}
	cryptotest.SetGlobalRandom(t, 3)
	mine, other := x25519(t), x25519(t)
	write("identity.txt", []byte(mine.String()+"\n"))
	for _, v := range sealedVectors {
		write(v.file, v.make(t, mine, other))
		all = append(all, newVector(v.file, v.about, v.error))
	}
	text, err := vectors.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	write("index.json", text)
}
