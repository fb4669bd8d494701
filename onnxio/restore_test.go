package onnxio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// lockedTwo locks the model of twoFiles in a folder of its own.
func lockedTwo(t testing.TB) (locked string, rec *Record) {
	locked = filepath.Join(t.TempDir(), "locked.onnx")
	rec = rewrite(t, open(t, twoFiles(t)), locked, false, Edit{"a", 1, float(20)}, Edit{"inline", 0, float(50)})
	return locked, rec
}

// expectNotRestored checks that Restore fails and leaves nothing behind.
func expectNotRestored(t *testing.T, locked string, rec *Record) error {
	t.Helper()
	dir := t.TempDir()
	err := restore(locked, rec, filepath.Join(dir, "back.onnx"), false)
	if err == nil {
		t.Error("restored")
	}
	if got := names(files(t, dir)); len(got) != 0 {
		t.Errorf("left %q behind", got)
	}
	return err
}

// Restoring beside the original finds the data files already there; restoring in
// place brings back what the lock had replaced.
func TestRestorePlaces(t *testing.T) {
	edits := []Edit{{"a", 1, float(20)}, {"inline", 0, float(50)}}
	t.Run("beside the original", func(t *testing.T) {
		path := twoFiles(t)
		before := files(t, filepath.Dir(path))
		dst := filepath.Join(filepath.Dir(path), "locked.onnx")
		rec := rewrite(t, open(t, path), dst, false, edits...)
		back := filepath.Join(filepath.Dir(path), "back.onnx")
		if err := restore(dst, rec, back, false); err != nil {
			t.Fatal(err)
		}
		got := files(t, filepath.Dir(path))
		if got["back.onnx"] != before["model.onnx"] || got["a.bin"] != before["a.bin"] {
			t.Error("not restored")
		}
	})
	t.Run("in place", func(t *testing.T) {
		path := twoFiles(t)
		before := files(t, filepath.Dir(path))
		rec := rewrite(t, open(t, path), path, true, edits...)
		if got := files(t, filepath.Dir(path)); got["model.onnx"] == before["model.onnx"] || got["a.bin"] == before["a.bin"] {
			t.Fatal("nothing was locked")
		}
		if err := restore(path, rec, path, false); !errors.Is(err, atomicfile.ErrExists) {
			t.Errorf("without force: %v, want ErrExists", err)
		}
		if err := restore(path, rec, path, true); err != nil {
			t.Fatal(err)
		}
		for name, data := range files(t, filepath.Dir(path)) {
			if data != before[name] {
				t.Errorf("%s was not restored", name)
			}
		}
	})
	t.Run("in place, renamed data", func(t *testing.T) {
		path := twoFiles(t)
		before := files(t, filepath.Dir(path))
		dst := filepath.Join(filepath.Dir(path), "locked.onnx")
		rec := rewrite(t, open(t, path), dst, false, edits...)
		if err := restore(dst, rec, dst, true); err != nil {
			t.Fatal(err)
		}
		if got := files(t, filepath.Dir(path)); got["locked.onnx"] != before["model.onnx"] || got["a.bin"] != before["a.bin"] {
			t.Error("not restored")
		}
	})
	t.Run("beside the locked model", func(t *testing.T) {
		dir := t.TempDir()
		dst := filepath.Join(dir, "locked.onnx")
		rec := rewrite(t, open(t, twoFiles(t)), dst, false, edits...)
		before := files(t, dir)
		for _, force := range []bool{false, true} { // a.bin is the locked model's
			if err := restore(dst, rec, filepath.Join(dir, "back.onnx"), force); err == nil || !strings.Contains(err.Error(), "a.bin would replace") {
				t.Errorf("force %v: %v, want a refusal to replace a.bin", force, err)
			}
		}
		if got := files(t, dir); !slices.Equal(names(got), names(before)) || got["a.bin"] != before["a.bin"] {
			t.Errorf("files changed: %q", names(got))
		}
	})
	t.Run("over another file", func(t *testing.T) {
		path := twoFiles(t)
		dst := filepath.Join(t.TempDir(), "locked.onnx")
		rec := rewrite(t, open(t, path), dst, false, edits...)
		back := write(t, "other", []byte("0"), "a.bin", []byte("mine"))
		if err := restore(dst, rec, filepath.Join(filepath.Dir(back), "model.onnx"), false); !errors.Is(err, atomicfile.ErrExists) {
			t.Errorf("%v, want ErrExists", err)
		}
		if got := names(files(t, filepath.Dir(back))); !slices.Equal(got, []string{"a.bin", "other"}) {
			t.Errorf("files %q", got)
		}
	})
}

// TestMismatch: any change of any locked file is noticed, and the file named.
func TestMismatch(t *testing.T) {
	change := map[string]func(data []byte) []byte{
		"flipped bit":  func(d []byte) []byte { d[len(d)/2] ^= 1; return d },
		"byte more":    func(d []byte) []byte { return append(d, 0) },
		"byte less":    func(d []byte) []byte { return d[:len(d)-1] },
		"nothing left": func(d []byte) []byte { return nil },
	}
	for _, name := range []string{"locked.onnx", "a.bin", "sub/b.bin"} {
		for how, f := range change {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				locked, rec := lockedTwo(t)
				path := filepath.Join(filepath.Dir(locked), filepath.FromSlash(name))
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f(data), 0o644); err != nil {
					t.Fatal(err)
				}
				err = expectNotRestored(t, locked, rec)
				if !errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), path) {
					t.Errorf("error %v, want ErrMismatch for %s", err, path)
				}
			})
		}
		t.Run(name+", missing", func(t *testing.T) {
			t.Parallel()
			locked, rec := lockedTwo(t)
			if err := os.Remove(filepath.Join(filepath.Dir(locked), filepath.FromSlash(name))); err != nil {
				t.Fatal(err)
			}
			if err := expectNotRestored(t, locked, rec); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want ErrNotExist for %s", err, name)
			}
		})
	}
	t.Run("another record", func(t *testing.T) {
		locked, _ := lockedTwo(t)
		other := filepath.Join(t.TempDir(), "locked.onnx")
		rec := rewrite(t, open(t, twoFiles(t)), other, false, Edit{"a", 1, float(21)})
		if err := expectNotRestored(t, locked, rec); !errors.Is(err, ErrMismatch) {
			t.Errorf("error %v, want ErrMismatch", err)
		}
	})
}

// TestDamagedRecord: records come from key files and are not trusted.
func TestDamagedRecord(t *testing.T) {
	for name, damage := range map[string]func(r *Record){
		"no files":             func(r *Record) { r.Files = nil },
		"negative size":        func(r *Record) { r.Files[0].Size = -1 },
		"negative locked size": func(r *Record) { r.Files[1].LockedSize = -1 },
		"another size":         func(r *Record) { r.Files[0].Size++ },
		"another digest":       func(r *Record) { r.Files[0].SHA256[0] ^= 1 },
		"another data digest":  func(r *Record) { r.Files[1].SHA256[0] ^= 1 },
		"name out of folder":   func(r *Record) { r.Files[1].Name = "../a.bin" },
		"absolute name":        func(r *Record) { r.Files[1].Name = "/tmp/a.bin" },
		"locked name outside":  func(r *Record) { r.Files[1].LockedName = "../a.bin" },
		"patch of no file":     func(r *Record) { r.Patches[0].File = 9 },
		"patch of file -1":     func(r *Record) { r.Patches[0].File = -1 },
		"patch elsewhere":      func(r *Record) { r.Patches[0].Offset = 1 << 62 },
		"patch before":         func(r *Record) { r.Patches[0].Offset = -1 },
		"patch at the end":     func(r *Record) { r.Patches[0].Indices = IndicesOf(2) },
		"patch far beyond":     func(r *Record) { r.Patches[0].Indices = IndicesOf(1 << 62) },
		"negative index":       func(r *Record) { r.Patches[0].Indices = IndicesOf(-1) },
		"no stride":            func(r *Record) { r.Patches[0].Stride = 0 },
		"negative stride":      func(r *Record) { r.Patches[0].Stride = -4 },
		"no width":             func(r *Record) { r.Patches[0].Width = 0 },
		"width of three":       func(r *Record) { r.Patches[0].Width = 3 },
		"large width":          func(r *Record) { r.Patches[0].Width, r.Patches[0].Stride = 16, 16 },
		"half a value":         func(r *Record) { r.Patches[0].Original = r.Patches[0].Original[:2] },
		"another value":        func(r *Record) { r.Patches[0].Original[0] ^= 1 },
		"too few values":       func(r *Record) { r.Patches[0].Original = nil },
		"positions descend": func(r *Record) {
			p := &r.Patches[0]
			p.Indices, p.Original = IndicesOf(1, 0), make([]byte, 8)
		},
		"patch twice":            func(r *Record) { r.Patches = append(r.Patches, r.Patches[0]) },
		"splice of no file":      func(r *Record) { r.Splices = []Splice{{File: 9}} },
		"splice of length -1":    func(r *Record) { r.Splices = []Splice{{Length: -1}} },
		"splice beyond":          func(r *Record) { r.Splices = []Splice{{Offset: 1 << 62, Length: 1}} },
		"splice overflowing":     func(r *Record) { r.Splices = []Splice{{Offset: 1 << 62, Length: 1 << 62}} },
		"old values beside flip": func(r *Record) { r.Patches[0].Flip = 1 },
		"flip beyond the width":  func(r *Record) { r.Patches[0].Flip, r.Patches[0].Original = 1<<40, nil },
		"splice that grows":      func(r *Record) { r.Splices = []Splice{{Original: []byte{1}}} },
		"overlapping splices":    func(r *Record) { r.Splices = []Splice{{0, 0, 4, make([]byte, 4)}, {0, 2, 4, make([]byte, 4)}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			locked, rec := lockedTwo(t)
			damage(rec)
			err := expectNotRestored(t, locked, rec)
			if !errors.Is(err, ErrRecord) {
				t.Errorf("error %v, want ErrRecord", err)
			}
			// Restore refuses what Validate does; the rest shows in the digests.
			if _, contradiction := errors.AsType[*RecordError](err); contradiction != (rec.Validate() != nil) {
				t.Errorf("Restore: %v; Validate: %v", err, rec.Validate())
			}
		})
	}
}
