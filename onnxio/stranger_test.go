package onnxio

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
)

// lockedPair returns a locked model of two files in a folder of its own, and the
// record of it.
func lockedPair(t *testing.T) (dst string, rec *Record, original map[string]string) {
	t.Helper()
	path := twoFiles(t)
	dst = filepath.Join(t.TempDir(), "model.onnx")
	rec = rewrite(t, open(t, path), dst, false, Edit{"a", 1, float(20)}, Edit{"inline", 0, float(50)})
	return dst, rec, files(t, filepath.Dir(path))
}

// addFile adds a file to the record that the original does not refer to. It is there
// under its locked name, so that everything else about it is in order.
func addFile(t *testing.T, rec *Record, folder, name string) {
	t.Helper()
	content := []byte("from a stranger")
	sum := sha256.Sum256(content)
	if err := os.WriteFile(filepath.Join(folder, "extra.bin"), content, 0o666); err != nil {
		t.Fatal(err)
	}
	rec.Files = append(rec.Files, FileRecord{
		Name: name, LockedName: "extra.bin", Size: int64(len(content)), LockedSize: int64(len(content)), SHA256: sum, LockedSHA256: sum,
	})
}

// A record writes no file but the model and the data that the model refers to.
func TestStrangerWritesElsewhere(t *testing.T) {
	for _, name := range []string{"sitecustomize.py", ".ssh/authorized_keys", "data/.bashrc"} {
		for _, inPlace := range []bool{true, false} {
			dst, rec, _ := lockedPair(t)
			addFile(t, rec, filepath.Dir(dst), name)
			target := dst
			if !inPlace {
				target = filepath.Join(t.TempDir(), "out.onnx")
			}
			before := files(t, filepath.Dir(target))
			if err := restore(dst, rec, target, true); !errors.Is(err, ErrRecord) {
				t.Errorf("%s, in place %v: %v, want ErrRecord", name, inPlace, err)
			}
			if after := files(t, filepath.Dir(target)); len(after) != len(before) || after["model.onnx"] != before["model.onnx"] {
				t.Errorf("%s, in place %v: files %q became %q", name, inPlace, names(before), names(after))
			}
		}
	}
}

// Nor does it if the model refers to a file whose name makes other programs run it or read it.
// Such a model is not locked either.
func TestStrangerNames(t *testing.T) {
	for name, bad := range map[string]bool{
		"sitecustomize.py": true, "data/.bashrc": true, ".git/config": true, "lib/CRYPT32.DLL": true, "sub/conftest.PY": true, "run.bat.": true,
		"sub/Makefile": true, "authorized_keys": true, "weights.bin": false, "model.onnx.data": false, "layer.0.weight": false, "a..b": false, "model.python": false,
	} {
		var named *DataNameError
		err := checkDataName(name)
		if errors.As(err, &named) != bad || bad && named.Name != name {
			t.Errorf("%s: %v", name, err)
		}
		dst, rec, _ := lockedPair(t)
		rec.Files[1].Name = name
		before := files(t, filepath.Dir(dst))
		if err := restore(dst, rec, filepath.Join(t.TempDir(), "out.onnx"), true); bad != errors.As(err, &named) || !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
		if after := files(t, filepath.Dir(dst)); len(after) != len(before) {
			t.Errorf("%s: files %q became %q", name, names(before), names(after))
		}
	}
	path := twoFiles(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte("a.bin"), []byte("a_.py")), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(filepath.Dir(path), "a.bin"), filepath.Join(filepath.Dir(path), "a_.py")); err != nil {
		t.Fatal(err)
	}
	m := open(t, path)
	var named *DataNameError
	var out atomicfile.Set
	defer out.Abort()
	if _, err := m.Rewrite(&out, filepath.Join(t.TempDir(), "model.onnx"), []Edit{{"a", 1, float(20)}}); !errors.As(err, &named) {
		t.Errorf("rewriting: %v", err)
	}
	if _, err := m.Seal(context.Background(), &out, filepath.Join(t.TempDir(), "model.onnx"), nil, nil, nil); !errors.As(err, &named) {
		t.Errorf("sealing: %v", err)
	}
	if _, err := m.DigestSealed(context.Background(), nil, nil, nil); !errors.As(err, &named) {
		t.Errorf("sealing in place: %v", err)
	}
}

// A sealed model is not decrypted in place if the record has a file that it does not refer to,
// although the file has the digest that the record says: its content may be known.
func TestStrangerInPlace(t *testing.T) {
	dst, rec, _ := lockedPair(t)
	folder := filepath.Dir(dst)
	known := []byte("the content that every system has in this file")
	if err := os.WriteFile(filepath.Join(folder, "known"), known, 0o666); err != nil {
		t.Fatal(err)
	}
	key := &seal.Key{}
	var there bytes.Buffer
	ranges := []seal.Range{{Length: int64(len(known)), Tensor: seal.Tensor{Kind: seal.Bytes, Count: int64(len(known))}}}
	if err := key.Unseal(context.Background(), &there, bytes.NewReader(known), int64(len(known)), ranges, 1); err != nil {
		t.Fatal(err)
	}
	rec.Patches, rec.Splices = nil, nil
	var results []Result
	for i := range rec.Files {
		f := &rec.Files[i]
		f.Name, f.Size, f.SHA256 = f.LockedName, f.LockedSize, f.LockedSHA256
	}
	rec.Files = append(rec.Files, FileRecord{
		Name: "known", LockedName: "known", Size: int64(len(known)), LockedSize: int64(len(known)),
		SHA256: sha256.Sum256(there.Bytes()), LockedSHA256: sha256.Sum256(known),
	})
	last := len(rec.Files) - 1
	results = append(results, Result{last, rec.Files[last].Size, rec.Files[last].SHA256})
	rec.Steps = []Step{{Results: results, Keystream: &Keystream{Key: *key, Ranges: []SealedRange{{File: last, Range: ranges[0]}}}}}
	if !rec.InPlace() {
		t.Fatal("the record is of another kind")
	}
	if err := CheckRestore(context.Background(), dst, rec, nil); !errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), "does not refer") {
		t.Errorf("%v, want ErrRecord", err)
	}
}

// Errors of a restored model that is damaged name the file that it was to become.
func TestDamagedOriginal(t *testing.T) {
	dst, rec, _ := lockedPair(t)
	locked, err := os.ReadFile(dst)
	if err != nil {
		t.Fatal(err)
	}
	// A key that makes a file of the model that is none.
	f := &rec.Files[0]
	rec.Patches = nil
	rec.Splices = []Splice{{File: 0, Offset: 0, Length: int64(len(locked)), Original: []byte("no model at all")}}
	f.Size, f.SHA256 = 15, sha256.Sum256([]byte("no model at all"))
	rec.Files[1].Size, rec.Files[1].SHA256 = rec.Files[1].LockedSize, rec.Files[1].LockedSHA256
	target := filepath.Join(t.TempDir(), "out.onnx")
	err = restore(dst, rec, target, true)
	if err == nil || !strings.Contains(err.Error(), "restoring "+target) || strings.Contains(err.Error(), ".advparams-") {
		t.Errorf("%v, want an error that names %s", err, target)
	}
}

// Data files go through no symbolic link, and replace nothing that is not a file of
// the locked model.
func TestStrangerReplaces(t *testing.T) {
	dst, rec, _ := lockedPair(t)
	data := rec.Files[1].Name
	outside := t.TempDir()
	mine := []byte("mine")
	for _, c := range []struct {
		name  string
		plant func(path string) error
	}{
		{"a file", func(path string) error { return os.WriteFile(path, mine, 0o666) }},
		{"a link to a file", func(path string) error { return os.Symlink(filepath.Join(outside, "precious"), path) }},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o777) }},
	} {
		if err := os.WriteFile(filepath.Join(outside, "precious"), mine, 0o666); err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := c.plant(filepath.Join(folder, data)); err != nil {
			t.Skip(err)
		}
		if err := restore(dst, rec, filepath.Join(folder, "out.onnx"), true); err == nil {
			t.Errorf("%s was replaced", c.name)
		}
		if _, err := os.Lstat(filepath.Join(folder, "out.onnx")); err == nil {
			t.Errorf("%s: the model was written", c.name)
		}
		if text, err := os.ReadFile(filepath.Join(outside, "precious")); err != nil || !bytes.Equal(text, mine) {
			t.Errorf("%s: a file outside became %q (%v)", c.name, text, err)
		}
	}
}

// An unlocking in place that was interrupted between two files can be repeated, and so
// can one that was not.
func TestResume(t *testing.T) {
	for name, done := range map[string][]string{
		"nothing": nil, "the data": {"a.bin", "sub/b.bin"}, "the model": {"model.onnx"}, "everything": {"a.bin", "sub/b.bin", "model.onnx"},
	} {
		dst, rec, original := lockedPair(t)
		for _, file := range done {
			if err := os.WriteFile(filepath.Join(filepath.Dir(dst), file), []byte(original[file]), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		out := atomicfile.Set{Force: true}
		already, err := Resume(context.Background(), dst, rec, &out, dst, nil)
		if err == nil {
			err = out.Commit()
		}
		if all := name == "everything"; err != nil || already != all {
			t.Errorf("%s: already %v, %v", name, already, err)
		}
		for file, text := range files(t, filepath.Dir(dst)) {
			if text != original[file] {
				t.Errorf("%s: %s is not restored", name, file)
			}
		}
		if len(done) > 0 {
			dst, rec, original := lockedPair(t)
			if err := os.WriteFile(filepath.Join(filepath.Dir(dst), done[0]), []byte(original[done[0]]), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := restore(dst, rec, dst, true); !errors.Is(err, ErrMismatch) {
				t.Errorf("Restore takes %s that is restored already: %v", done[0], err)
			}
		}
	}
}

// RestoreTo writes nothing if the result would be wrong.
func TestRestoreTo(t *testing.T) {
	path := write(t, "model.onnx", model(tensor("w", float32Type, shape(2), raw(floats(1, 2)))))
	dst := filepath.Join(filepath.Dir(path), "locked.onnx")
	rec := rewrite(t, open(t, path), dst, false, Edit{"w", 0, float(9)})
	var to bytes.Buffer
	if err := RestoreTo(context.Background(), &to, dst, rec, nil); err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(to.Bytes(), want) {
		t.Errorf("not the original (%v)", err)
	}
	to.Reset()
	rec.Files[0].SHA256[0]++
	if err := RestoreTo(context.Background(), &to, dst, rec, nil); !errors.Is(err, ErrRecord) || to.Len() > 0 {
		t.Errorf("wrong digest: %v, %d bytes", err, to.Len())
	}
}
