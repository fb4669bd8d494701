package key

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/advparams/advparams/onnxio"
)

var update = flag.Bool("update", false, "write the golden keys in testdata anew")

// sample returns a key that uses every field, every width and both kinds of
// change, on a model file and an external data file.
func sample() *Key {
	digest := func(b byte) (d [32]byte) {
		for i := range d {
			d[i] = b + byte(i)
		}
		return d
	}
	return &Key{
		Record: onnxio.Record{
			Files: []onnxio.FileRecord{
				{Name: "model.onnx", LockedName: "locked.onnx", Size: 4001, LockedSize: 4007, SHA256: digest(0), LockedSHA256: digest(64)},
				{Name: "data/weights.bin", LockedName: "data/locked.bin", Size: 1 << 40, LockedSize: 1 << 40, SHA256: digest(128), LockedSHA256: digest(192)},
			},
			Patches: []onnxio.TensorPatch{
				{Tensor: "conv1.weight", File: 0, Offset: 100, Stride: 4, Width: 4, Indices: onnxio.IndicesOf(0, 3, 450), Original: original(4, 0x3f800000, 0, 0xffffffff)},
				{Tensor: "unpacked", File: 0, Offset: 2000, Stride: 5, Width: 4, Indices: onnxio.IndicesOf(7), Original: original(4, 0xc0490fdb)},
				{Tensor: "half", File: 1, Offset: 1 << 39, Stride: 2, Width: 2, Indices: onnxio.IndicesOf(1, 1<<37), Original: original(2, 0x3c00, 0xfc00)},
				{Tensor: "int8", File: 1, Offset: 64, Stride: 1, Width: 1, Indices: onnxio.IndicesOf(5, 6), Original: original(1, 0x80, 0x7f)},
				{Tensor: "d\xffuble", File: 1, Offset: 128, Stride: 8, Width: 8, Indices: onnxio.IndicesOf(0), Original: original(8, 0xfff0000000000001)},
			},
			Splices: []onnxio.Splice{
				{File: 0, Offset: 3000, Length: 10, Original: []byte("weights")},
				{File: 0, Offset: 3010, Length: 4, Original: nil},
				{File: 0, Offset: 4007, Length: 0, Original: []byte{0}},
				{File: 1, Offset: 0, Length: 1, Original: []byte{9}},
			},
		},
		Tool:    "advparams v0.1.0",
		Created: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		Summary: Summary{Profile: "minimal", Parameters: 61706, Changed: 9, Samples: 10000, Accuracy: 0.905, LockedAccuracy: 0.101},
	}
}

// small returns a key of a few hundred bytes.
func small() *Key {
	k := sample()
	k.Record.Files, k.Record.Patches, k.Record.Splices = k.Record.Files[:1], k.Record.Patches[:1], k.Record.Splices[:0]
	k.Record.Files[0].LockedSize = k.Record.Files[0].Size
	return k
}

func plainBytes(t testing.TB, k *Key) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WritePlain(&b, k); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sealedBytes(t testing.TB, k *Key, recipients ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Seal(&b, k, recipients...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func armoredBytes(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := armor.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func x25519(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// passphrase returns both halves of one, with a work factor fit for tests.
func passphrase(t testing.TB, text string) (*age.ScryptRecipient, *age.ScryptIdentity) {
	t.Helper()
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(8)
	id, err := age.NewScryptIdentity(text)
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// original returns the values of a patch, which have width bytes each.
func original(width int, values ...uint64) []byte {
	var out []byte
	for _, v := range values {
		out = append(out, binary.LittleEndian.AppendUint64(nil, v)[:width]...)
	}
	return out
}

func diff(want, got *Key) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// flipped is a key of version 2.
func flipped() *Key {
	k := sample()
	k.Record.Patches = append(k.Record.Patches, onnxio.TensorPatch{
		Tensor: "signs", File: 1, Offset: 1 << 20, Stride: 4, Width: 4, Indices: onnxio.IndicesOf(2, 3, 1000, 70000), Flip: 1 << 31,
	})
	return k
}

// TestGolden reads keys of all versions, and writes the same bytes again.
func TestGolden(t *testing.T) {
	const text = "correct horse battery staple"
	recipient, identity := passphrase(t, text)
	for _, version := range []struct {
		name string
		key  *Key
	}{{"v1", sample()}, {"v2", flipped()}, {"v3", stepped()}} {
		plainPath, sealedPath := filepath.Join("testdata", version.name+".plain.key"), filepath.Join("testdata", version.name+".passphrase.key")
		if *update {
			for path, data := range map[string][]byte{plainPath: plainBytes(t, version.key), sealedPath: sealedBytes(t, version.key, recipient)} {
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		golden, err := os.ReadFile(plainPath)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(golden, plainBytes(t, version.key)) {
			t.Errorf("WritePlain no longer gives the bytes of %s", plainPath)
		}
		for _, path := range []string{plainPath, sealedPath} {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := Read(f, identity)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if d := diff(version.key, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", path, d)
			}
		}
	}
}

func TestCreated(t *testing.T) {
	elsewhere := time.FixedZone("", -5*3600)
	for _, tc := range []struct{ give, want time.Time }{
		{time.Time{}, time.Time{}},
		{time.Date(2026, 1, 2, 3, 4, 5, 678, elsewhere), time.Date(2026, 1, 2, 8, 4, 5, 0, time.UTC)},
		{time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)},
	} {
		k := small()
		k.Created = tc.give
		got, err := Read(bytes.NewReader(plainBytes(t, k)))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Created.Equal(tc.want) || got.Created.IsZero() != tc.want.IsZero() {
			t.Errorf("created %v comes back as %v, want %v", tc.give, got.Created, tc.want)
		}
	}
}

// A key is small: 1,000 float32 values cost 4,000 bytes, their positions two or
// three bytes each, digests and envelope about 400.
func TestSize(t *testing.T) {
	for _, elements := range []int64{1_000, 61_706, 1_000_000, 16_777_216} {
		rng := rand.New(rand.NewPCG(1, uint64(elements)))
		chosen := map[int64]bool{}
		for len(chosen) < 1000 {
			chosen[rng.Int64N(elements)] = true
		}
		p := onnxio.TensorPatch{Tensor: "layer4.1.conv2.weight", Offset: 1000, Stride: 4, Width: 4}
		p.Indices = onnxio.IndicesOf(slices.Sorted(maps.Keys(chosen))...)
		for range chosen {
			p.Original = append(p.Original, original(4, uint64(rng.Uint32()))...)
		}
		k := small()
		k.Record.Patches = []onnxio.TensorPatch{p}
		k.Record.Files[0].Size = 1000 + 4*elements
		k.Record.Files[0].LockedSize = k.Record.Files[0].Size
		n := len(sealedBytes(t, k, x25519(t).Recipient()))
		t.Logf("1,000 changes among %d elements: %d bytes", elements, n)
		if n >= 7000 {
			t.Errorf("1,000 changes among %d elements take %d bytes", elements, n)
		}
	}
}

func TestReadWriteErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	id := x25519(t)
	for name, data := range map[string][]byte{
		"plain":  plainBytes(t, small()),
		"sealed": sealedBytes(t, small(), id.Recipient()),
	} {
		fail := func() io.Reader { return io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken)) }
		if _, err := Read(fail(), id); !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Read returns %v, want the reader's error", name, err)
		}
		if _, err := Inspect(fail()); !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Inspect returns %v, want the reader's error", name, err)
		}
	}
	for _, room := range []int{0, 100, 200, 300} {
		if err := Seal(&failingWriter{room, broken}, small(), id.Recipient()); !errors.Is(err, broken) {
			t.Errorf("Seal returns %v with room for %d bytes, want the writer's error", err, room)
		}
		if err := WritePlain(&failingWriter{room, broken}, small()); !errors.Is(err, broken) {
			t.Errorf("WritePlain returns %v with room for %d bytes, want the writer's error", err, room)
		}
	}
}

// failingWriter fails once left bytes have been written.
type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}
