package sealed

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/vectors"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// The vectors in testdata/vectors/keys are for every program that unlocks models; the
// READMEs beside and above them describe index.json. They are made by this file and those
// whose names begin like its name:
//
//	go test ./sealed -run TestKeyVectors -update

var update = flag.Bool("update", false, "write testdata/vectors/keys again")

var vectorsDir = filepath.Join("..", "testdata", "vectors", "keys")

// A keyCase makes a locked model and its key in a folder that has model.onnx.
type keyCase struct {
	folder, about string
	format        int
	model         *onnxpb.ModelProto
	data          map[string][]byte // external data
	lock          locker
	damage        func(files map[string][]byte) // by name, in the folder
	spoil         func(rec *onnxio.Record)      // what the key says
	error         string                        // the class; "" if unlocking succeeds

	container  func(t *testing.T, k *key.Key) []byte // nil: plain
	identity   string                                // the file in identities
	passphrase string
	needs      string
}

// A locker locks m into a file beside it, and returns the way back.
type locker func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record

// make returns the files of a case by name, and its entry in the index.
func (c *keyCase) make(t *testing.T) (map[string][]byte, vectors.Vector) {
	t.Helper()
	dir := t.TempDir()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.model)
	if err != nil {
		t.Fatal(err)
	}
	original := map[string][]byte{"model.onnx": data}
	for name, data := range c.data {
		original[name] = data
	}
	for name, data := range original {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(name)), data)
	}
	m, err := onnxio.Open(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	rec := c.lock(t, m, filepath.Join(dir, "locked.onnx"))
	v := vectors.Vector{Name: c.folder, About: c.about, Format: c.format, Error: c.error,
		Locked: c.folder + "/locked.onnx", Key: c.folder + "/model.key", Passphrase: c.passphrase, Needs: c.needs}
	if c.identity != "" {
		v.Identity = "identities/" + c.identity
	}
	files := map[string][]byte{}
	for _, f := range rec.Files {
		if c.error == "" {
			v.Files = append(v.Files, vectors.File{Locked: f.LockedName, Original: f.Name, Size: f.Size, SHA256: fmt.Sprintf("%x", f.SHA256)})
		}
		if files[f.LockedName], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.LockedName))); err != nil {
			t.Fatal(err)
		}
		files["original/"+f.Name] = original[f.Name]
	}
	if c.spoil != nil {
		c.spoil(rec)
	}
	profile := "minimal"
	if c.format == 3 {
		profile = "sealed"
	}
	k := &key.Key{Record: *rec, Tool: "test vector", Summary: key.Summary{Profile: profile}}
	if c.container != nil {
		files["model.key"] = c.container(t, k)
	} else {
		files["model.key"] = plain(t, k)
	}
	if c.damage != nil {
		c.damage(files)
	}
	return files, v
}

func plain(t *testing.T, k *key.Key) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := key.WritePlain(&b, k); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKeyVectors unlocks every vector, and checks that the committed files are those that
// the cases stand for: nothing of the formats changes unnoticed. What age encrypts is
// compared once it is opened.
func TestKeyVectors(t *testing.T) {
	var list []vectors.Vector
	made := map[string]bool{"README.md": true, "index.json": true}
	check := func(t *testing.T, name string, want []byte) {
		t.Helper()
		made[name] = true
		path := filepath.Join(vectorsDir, filepath.FromSlash(name))
		if *update {
			writeFile(t, path, want)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) && !sealedAlike(t, got, want) {
			t.Errorf("%s is not what its case makes (%v): run this test with -update", path, err)
		}
	}
	for name, text := range identities(t) {
		check(t, "identities/"+name, text)
	}
	for _, c := range keyCases() {
		t.Run(c.folder, func(t *testing.T) {
			files, v := c.make(t)
			list = append(list, v)
			for name, want := range files {
				check(t, c.folder+"/"+name, want)
			}
			unlockVector(t, v)
		})
	}
	text, err := vectors.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "index.json", text)
	if err := fs.WalkDir(os.DirFS(vectorsDir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !made[name] {
			t.Errorf("%s belongs to no case", name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(list) < 80 {
		t.Errorf("%d vectors, which are too few", len(list))
	}
}

// unlockVector does what every reader has to do with a vector.
func unlockVector(t *testing.T, v vectors.Vector) {
	t.Helper()
	at := func(name string) string { return filepath.Join(vectorsDir, filepath.FromSlash(name)) }
	data, err := os.ReadFile(at(v.Key))
	if err != nil {
		t.Fatal(err)
	}
	var ids []age.Identity
	if v.Identity != "" {
		if ids, err = key.ParseIdentityFile(at(v.Identity)); err != nil {
			t.Fatal(err)
		}
	}
	if v.Passphrase != "" {
		id, err := age.NewScryptIdentity(v.Passphrase)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if info, err := key.Inspect(bytes.NewReader(data)); v.Error == "work" {
		if err != nil || info.WorkFactor != tooMuchWork {
			t.Errorf("a key with work factor %d (%v)", info.WorkFactor, err)
		}
		return
	}
	to := t.TempDir()
	k, err := key.Read(bytes.NewReader(data), ids...)
	if err == nil {
		var out atomicfile.Set
		defer out.Abort()
		err = onnxio.Restore(context.Background(), at(v.Locked), &k.Record, &out, filepath.Join(to, "model.onnx"), nil)
		if err == nil {
			err = out.Commit()
		}
	}
	if v.Error != "" {
		class := map[string]error{"mismatch": onnxio.ErrMismatch, "missing": fs.ErrNotExist, "result": onnxio.ErrRecord, "damaged": key.ErrDamaged, "identity": key.ErrIdentity}[v.Error]
		if class == nil || !errors.Is(err, class) {
			t.Errorf("%v, want an error of class %s", err, v.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Files {
		want, err := os.ReadFile(filepath.Join(filepath.Dir(at(v.Locked)), "original", filepath.FromSlash(f.Original)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(f.Original)))
		if err != nil || !bytes.Equal(got, want) || int64(len(got)) != f.Size {
			t.Errorf("%s is not the file in the folder original (%v)", f.Original, err)
		}
	}
}

// sealedAlike reports whether two keys are encrypted with age, to as many recipients of
// the same types, and not damaged in a way that shows.
func sealedAlike(t *testing.T, a, b []byte) bool {
	x, errX := key.Inspect(bytes.NewReader(a))
	y, errY := key.Inspect(bytes.NewReader(b))
	return errX == nil && errY == nil && x.Sealed && fmt.Sprint(x) == fmt.Sprint(y) &&
		!strings.HasPrefix(t.Name(), "TestKeyVectors/sealed-damaged")
}
