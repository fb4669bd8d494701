package onnxio

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
)

// everyFloat returns the ranges of all float32 tensors of a model.
func everyFloat(t testing.TB, m *Model) (ranges []SealedRange) {
	t.Helper()
	for _, init := range m.tensors {
		for _, r := range init.Ranges() {
			if r.Adjacent() && init.elem.bits == 32 {
				tensor := seal.Tensor{Kind: seal.Float32, Count: r.Count}
				ranges = append(ranges, SealedRange{init.Name, r.File, seal.Range{Offset: r.Offset, Length: 4 * r.Count, Tensor: tensor}})
			}
		}
	}
	slices.SortFunc(ranges, func(a, b SealedRange) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	for i := range ranges {
		ranges[i].Tensor.Index = uint64(i)
	}
	return ranges
}

// sealTo is Seal and Commit.
func sealTo(t testing.TB, m *Model, dst string, force bool, ranges []SealedRange) *Record {
	t.Helper()
	out := atomicfile.Set{Force: force}
	defer out.Abort()
	rec, err := m.Seal(context.Background(), &out, dst, seal.NewKey(), ranges, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := rec.Validate(); err != nil {
		t.Fatal(err)
	}
	return rec
}

// A sealed model comes back from wherever it is written to, its data files by their
// original names.
func TestSealPlaces(t *testing.T) {
	for _, c := range []struct {
		name, dst string
		named     []string // data files in the locked model
		steps     int
	}{
		{"other folder", "new/locked.onnx", []string{"a.bin", "sub/b.bin"}, 1},
		{"same folder", "locked.onnx", []string{"locked.onnx.1.data", "locked.onnx.2.data"}, 2},
		{"in place", "model.onnx", []string{"a.bin", "sub/b.bin"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := twoFiles(t)
			dir := filepath.Dir(path)
			before := files(t, dir)
			if err := os.Mkdir(filepath.Join(dir, "new"), 0o755); err != nil {
				t.Fatal(err)
			}
			m := open(t, path)
			dst := filepath.Join(dir, filepath.FromSlash(c.dst))
			rec := sealTo(t, m, dst, true, everyFloat(t, m))
			locked := open(t, dst)
			for i, f := range locked.Files()[1:] {
				if f.Name != c.named[i] {
					t.Errorf("data file %q, want %q", f.Name, c.named[i])
				}
			}
			for _, init := range locked.tensors {
				if old := m.byName[init.Name]; old != nil && c.dst != "model.onnx" && bytes.Equal(elements(t, init), elements(t, old)) {
					t.Errorf("%s is in clear", init.Name)
				}
			}
			if len(rec.Steps) != c.steps {
				t.Errorf("%d steps, want %d", len(rec.Steps), c.steps)
			}
			back := filepath.Join(t.TempDir(), "back.onnx")
			if err := restore(dst, rec, back, false); err != nil {
				t.Fatal(err)
			}
			got := files(t, filepath.Dir(back))
			if got["back.onnx"] != before["model.onnx"] || got["a.bin"] != before["a.bin"] || got["sub/b.bin"] != before["sub/b.bin"] {
				t.Error("not restored")
			}
			if c.dst != "model.onnx" {
				checkDigests(t, rec, path, dst)
			}
		})
	}
}

func elements(t testing.TB, init *Initializer) []byte {
	t.Helper()
	var all []byte
	for _, r := range init.Ranges() {
		all = append(all, init.model.files[r.File].Bytes(r.Offset, r.Count*int64(r.Width))...)
	}
	return all
}

// DigestSealed tells what sealing in place will give.
func TestDigestSealed(t *testing.T) {
	path := twoFiles(t)
	m := open(t, path)
	key := seal.NewKey()
	rec, err := m.DigestSealed(context.Background(), key, everyFloat(t, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out atomicfile.Set
	defer out.Abort()
	dst := filepath.Join(t.TempDir(), "model.onnx")
	want, err := m.Seal(context.Background(), &out, dst, key, everyFloat(t, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rec.Files {
		if rec.Files[i] != want.Files[i] {
			t.Errorf("%+v, but sealed it is %+v", rec.Files[i], want.Files[i])
		}
	}
}

// What changes of a sealed model, or of its record, is noticed before anything is written.
func TestSealedMismatch(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(locked string, rec *Record) error
		want   error
	}{
		"model": {func(locked string, _ *Record) error { return flipByte(locked) }, ErrMismatch},
		"data": {func(locked string, rec *Record) error {
			return flipByte(filepath.Join(filepath.Dir(locked), rec.Files[1].LockedName))
		}, ErrMismatch},
		"seed": {func(_ string, rec *Record) error { rec.Steps[1].Keystream.Key.Seed[5] ^= 1; return nil }, ErrRecord},
		"kind": {func(_ string, rec *Record) error {
			rec.Steps[1].Keystream.Ranges[0].Tensor.Kind = seal.Int32
			return nil
		}, ErrRecord},
		"digest": {func(_ string, rec *Record) error { rec.Steps[0].Results[0].SHA256[0] ^= 1; return nil }, ErrRecord},
		"splice": {func(_ string, rec *Record) error { rec.Steps[0].Splices[0].Original[0] ^= 1; return nil }, ErrRecord},
	} {
		t.Run(name, func(t *testing.T) {
			path := twoFiles(t)
			m := open(t, path)
			locked := filepath.Join(filepath.Dir(path), "locked.onnx")
			rec := sealTo(t, m, locked, false, everyFloat(t, m))
			if err := c.damage(locked, rec); err != nil {
				t.Fatal(err)
			}
			if err := expectNotRestored(t, locked, rec); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func flipByte(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(path, data, 0o644)
}

// checksummed writes a model with two tensors in a data file whose SHA-1 it gives, and one in
// another, of which it gives a wrong one. sum formats a SHA-1.
func checksummed(t *testing.T, sum string) string {
	t.Helper()
	data := floats(1, 2, 3, 4)
	right := fmt.Sprintf(sum, sha1.Sum(data))
	return write(t, "model.onnx", model(
		tensor("v", float32Type, shape(2), externalData("location", "a.bin", "length", "8", "checksum", right)),
		tensor("w", float32Type, shape(2), externalData("location", "a.bin", "offset", "8", "checksum", right)),
		tensor("x", float32Type, shape(2), externalData("location", "b.bin", "checksum", strings.Repeat("0", 40))),
		tensor("y", float32Type, shape(1), externalData("location", "c.bin", "checksum", "0")),
	), "a.bin", data, "b.bin", floats(5, 6), "c.bin", floats(7))
}

// checksumsIn returns what a model gives as checksums, by tensor.
func checksumsIn(m *Model) map[string]string {
	sums := map[string]string{}
	for _, init := range m.Proto().Graph.Initializer {
		for _, e := range init.ExternalData {
			if e.GetKey() == "checksum" {
				sums[init.GetName()] = e.GetValue()
			}
		}
	}
	return sums
}

// The checksum of a data file changes with the file, if it was right. What was wrong stays.
func TestChecksums(t *testing.T) {
	for _, c := range []struct {
		name, sum string
		lock      func(t *testing.T, m *Model, dst string) *Record
	}{
		{"sealed", "%x", func(t *testing.T, m *Model, dst string) *Record { return sealTo(t, m, dst, false, everyFloat(t, m)) }},
		{"sealed, capitals", "%X", func(t *testing.T, m *Model, dst string) *Record { return sealTo(t, m, dst, false, everyFloat(t, m)) }},
		{"edited", "%x", func(t *testing.T, m *Model, dst string) *Record {
			return rewrite(t, m, dst, false, Edit{"w", 1, 17}, Edit{"x", 0, 1})
		}},
	} {
		for _, there := range []string{"same folder", "other folder"} {
			t.Run(c.name+", "+there, func(t *testing.T) {
				path := checksummed(t, c.sum)
				dst := filepath.Join(filepath.Dir(path), "locked.onnx")
				if there == "other folder" {
					dst = filepath.Join(t.TempDir(), "locked.onnx")
				}
				rec := c.lock(t, open(t, path), dst)
				locked := open(t, dst)
				want := fmt.Sprintf("%x", sha1.Sum([]byte(files(t, filepath.Dir(dst))[locked.Files()[1].Name])))
				if got := checksumsIn(locked); got["v"] != want || got["w"] != want || got["x"] != strings.Repeat("0", 40) || got["y"] != "0" {
					t.Errorf("checksums %q, want %q for v and w", got, want)
				}
				back := filepath.Join(t.TempDir(), "model.onnx")
				if err := restore(dst, rec, back, false); err != nil {
					t.Fatal(err)
				}
				before, after := files(t, filepath.Dir(path)), files(t, filepath.Dir(back))
				for _, name := range []string{"model.onnx", "a.bin", "b.bin", "c.bin"} {
					if before[name] == "" || after[name] != before[name] {
						t.Errorf("%s was not restored", name)
					}
				}
			})
		}
	}
}

// In place, the model file would have to change in another way than by a keystream.
func TestChecksumsInPlace(t *testing.T) {
	m := open(t, checksummed(t, "%x"))
	_, err := m.DigestSealed(t.Context(), seal.NewKey(), everyFloat(t, m), nil)
	if bad, ok := errors.AsType[*ChecksumError](err); !ok || !strings.HasSuffix(bad.Path, "a.bin") {
		t.Errorf("DigestSealed returns %v", err)
	}
	only := func(name string) (ranges []SealedRange) {
		for _, r := range everyFloat(t, m) {
			if r.Name == name {
				r.Tensor.Index = 0
				ranges = append(ranges, r)
			}
		}
		return ranges
	}
	if _, err := m.DigestSealed(t.Context(), seal.NewKey(), only("y"), nil); err != nil {
		t.Errorf("a file with no checksum: %v", err)
	}
}

// Steps of all kinds follow each other, in one stream.
func TestSteps(t *testing.T) {
	original := make([]byte, 3<<20)
	for i := range original {
		original[i] = byte(i * i >> 8)
	}
	key := seal.NewKey()
	tensor := seal.Tensor{Kind: seal.Float32, Count: 600_000}
	rec := &Record{Steps: []Step{
		{Splices: []Splice{{Offset: 10, Length: 3, Original: []byte("more than it was")}, {Offset: 2 << 20, Length: 100}}},
		{Keystream: &Keystream{Key: *key, Ranges: []SealedRange{{Name: "w", Range: seal.Range{Offset: 500, Length: 4 * tensor.Count, Tensor: tensor}}}}},
		{Patches: []TensorPatch{{Tensor: "w", Offset: 500, Stride: 4, Width: 4, Indices: IndicesOf(0, 17, 599_999), Original: make([]byte, 12)}}},
	}}
	// What the steps make of any file is an original of that file.
	locked := original[: len(original)-7 : len(original)-7]
	size := int64(len(locked)) + 13 - 100
	rec.Files = []FileRecord{{Name: "model", LockedName: "locked", Size: size, LockedSize: int64(len(locked)), LockedSHA256: sha256.Sum256(locked)}}
	for i := range rec.Steps {
		rec.Steps[i].Results = []Result{{Size: size}}
	}
	var got bytes.Buffer
	results, err := runStages(context.Background(), &got, bytes.NewReader(locked), int64(len(locked)), rec.stages()[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range rec.Steps {
		rec.Steps[i].Results[0] = results[i+1] // the first is of what comes in
	}
	rec.Files[0].SHA256 = results[3].SHA256

	want := bytes.Clone(locked)
	want = append(append(append([]byte{}, want[:10]...), "more than it was"...), append(want[13:2<<20:2<<20], want[2<<20+100:]...)...)
	c, err := key.Cipher(tensor)
	if err != nil {
		t.Fatal(err)
	}
	c.Unseal(want[500:][:4*tensor.Count], 0, 1)
	for _, at := range []int{0, 17, 599_999} {
		copy(want[500+4*at:], make([]byte, 4))
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatal("the steps together are not the steps one by one")
	}
	path := filepath.Join(t.TempDir(), "locked")
	if err := os.WriteFile(path, locked, 0o644); err != nil {
		t.Fatal(err)
	}
	var done int64
	var to bytes.Buffer
	if err := RestoreTo(context.Background(), &to, path, rec, func(n int64) { done += n }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(to.Bytes(), want) {
		t.Error("RestoreTo writes something else")
	}
	if want := 2 * int64(len(locked)); done != want {
		t.Errorf("told of %d bytes, want %d", done, want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := RestoreTo(ctx, &to, path, rec, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after it was cancelled: %v", err)
	}
}
