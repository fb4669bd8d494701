package onnxio

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// files reads every file below a folder.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// names returns the sorted keys.
func names(files map[string]string) []string {
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// rewrite is Rewrite and Commit.
func rewrite(t testing.TB, m *Model, dst string, force bool, edits ...Edit) *Record {
	t.Helper()
	out := atomicfile.Set{Force: force}
	defer out.Abort()
	rec, err := m.Rewrite(&out, dst, edits)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return rec
}

// restore is Restore and Commit.
func restore(locked string, rec *Record, dst string, force bool) error {
	out := atomicfile.Set{Force: force}
	defer out.Abort()
	if err := Restore(context.Background(), locked, rec, &out, dst, nil); err != nil {
		return err
	}
	return out.Commit()
}

// checkDigests compares a record with the files it describes.
func checkDigests(t testing.TB, rec *Record, original, locked string) {
	t.Helper()
	for i, f := range rec.Files {
		a, b := original, locked
		if i > 0 {
			a = filepath.Join(filepath.Dir(original), f.Name)
			b = filepath.Join(filepath.Dir(locked), f.LockedName)
		}
		for _, c := range []struct {
			path string
			size int64
			sum  [32]byte
		}{{a, f.Size, f.SHA256}, {b, f.LockedSize, f.LockedSHA256}} {
			data, err := os.ReadFile(c.path)
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(data)) != c.size || sha256.Sum256(data) != c.sum {
				t.Errorf("%s has another size or digest than its record", c.path)
			}
		}
	}
}

// checkEdited checks that b is a with exactly these elements changed.
func checkEdited(t testing.TB, a, b *Model, edits []Edit) {
	t.Helper()
	for _, x := range a.Initializers() {
		y := b.Lookup(x.Name)
		if y == nil || y.Storage != x.Storage || y.DataType != x.DataType || !slices.Equal(y.Dims, x.Dims) {
			t.Errorf("%s became %+v", x.label(), y)
			continue
		}
		if x.elem.bits == 0 || x.elem.kind == kindComplex {
			continue // not to be edited
		}
		for i := range x.Len() {
			want := x.Bits(i)
			for _, e := range edits {
				if e.Tensor == x.Name && e.Index == i {
					want = e.Bits
				}
			}
			if got := y.Bits(i); got != want {
				t.Errorf("element %d of %s is %#x, want %#x", i, x.label(), got, want)
			}
		}
	}
	if n := len(b.Initializers()); n != len(a.Initializers()) {
		t.Errorf("%d initializers became %d", len(a.Initializers()), n)
	}
}
