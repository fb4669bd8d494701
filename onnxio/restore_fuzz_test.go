package onnxio

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// FuzzRestore restores from the record of a stranger, in a real folder with files that
// are not the model's, a link that leads out, and a folder outside. The stranger knows the
// files: sizes and digests are right, so that all depends on names and changes.
//
// names has a line for each data file: its name, and its locked name behind a tab. edits
// has eight bytes for each change: see hostileRecord.
func FuzzRestore(f *testing.F) {
	base := files(f, filepath.Dir(twoFiles(f)))
	model := base["model.onnx"]
	place := func(text string) byte { return byte(strings.Index(model, text)) }
	rename := func(name string) []byte { // what the model calls a.bin
		return append([]byte{1, 0, place("a.bin"), 5, byte(len(name)), 0, 0, 0}, name...)
	}
	inline := []byte{0, 0, place(string(floats(5, 6))), 0, 2, 0, 0x80, 0}
	const all = "a.bin\ta.bin\nsub/b.bin\tsub/b.bin"
	for _, seed := range []struct {
		list  string
		edits []byte
	}{{"", nil}, {"", inline}, {all, inline}, {all, []byte{0, 1, 4, 0, 2, 0, 1, 0}}, {all, []byte{1, 2, 0, 0, 2, 0, 0, 0, 1, 2}}} {
		f.Add(seed.list, seed.edits, true, false)
		f.Add(seed.list, seed.edits, false, true)
	}
	for _, name := range []string{".vimrc", "c.bin", ".rcfi", "../ou", "link/", "l/new", "/tmp/", "mine.txt", "sub", "sub/x", "model.onnx"} {
		f.Add("a.bin\t"+name+"\n"+name+"\tsub/b.bin", []byte{}, true, true)
		f.Add(name+"\ta.bin\nsub/b.bin\tsub/b.bin", rename(name), true, false)
		f.Add(name+"\tmine.txt", rename(name), false, false)
	}
	f.Fuzz(func(t *testing.T, list string, edits []byte, inPlace, resume bool) {
		if len(list) > 1<<10 || len(edits) > 1<<10 || strings.Count(list, "\n") > 8 {
			return
		}
		root := t.TempDir()
		folder, outside := filepath.Join(root, "folder"), filepath.Join(root, "outside")
		layOut(t, folder, outside, base)
		rec := hostileRecord(folder, list, edits)
		locked := filepath.Join(folder, "model.onnx")
		dst, into := locked, folder
		if !inPlace {
			into = filepath.Join(root, "into")
			layOut(t, into, outside, map[string]string{})
			dst = filepath.Join(into, "out.onnx")
		}
		before, beside := regular(t, into), regular(t, outside)
		err := restoreAny(locked, rec, dst, resume)
		after := regular(t, into)
		if !maps.Equal(regular(t, outside), beside) {
			t.Fatalf("files outside: %q", regular(t, outside))
		}
		if err != nil {
			if !maps.Equal(before, after) {
				t.Fatalf("%v, and files changed from %q to %q", err, names(before), names(after))
			}
			return
		}
		checkWritten(t, rec, path.Base(filepath.ToSlash(dst)), before, after, inPlace)
	})
}

// layOut makes a folder with the files of a model, files that are not its, and a link.
func layOut(t *testing.T, folder, outside string, model map[string]string) {
	t.Helper()
	all := maps.Clone(model)
	all["mine.txt"], all[".bashrc"] = "mine", "export PATH"
	for name, text := range all {
		at := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o777), os.WriteFile(at, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(outside, 0o777), os.WriteFile(filepath.Join(outside, "precious"), []byte("precious"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "link")); err != nil {
		t.Skip(err)
	}
}

// regular returns the contents of the regular files in a folder.
func regular(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(p)
		all[filepath.ToSlash(strings.TrimPrefix(p, dir+string(filepath.Separator)))] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// hostileRecord makes a record from what a fuzzer gives. A change has a kind (splices, or
// single elements), a file, a position, a length, and the length of what is put there,
// which follows the eight bytes.
func hostileRecord(folder, list string, edits []byte) *Record {
	rec := &Record{Files: []FileRecord{{Name: "model.onnx", LockedName: "model.onnx"}}}
	for line := range strings.SplitSeq(list, "\n") {
		if name, locked, ok := strings.Cut(line, "\t"); ok {
			rec.Files = append(rec.Files, FileRecord{Name: name, LockedName: locked})
		}
	}
	for len(edits) >= 8 {
		e, file := edits[:8], int(edits[1])%len(rec.Files)
		edits = edits[8:]
		size := min(int(e[4]), len(edits))
		if text := edits[:size]; e[0]%2 == 1 {
			rec.Splices = append(rec.Splices, Splice{File: file, Offset: int64(e[2]), Length: int64(e[3]), Original: text})
			edits = edits[size:]
			continue
		}
		width := 1 << (e[4] % 4)
		p := TensorPatch{Tensor: "w", File: file, Offset: int64(e[2]), Stride: width + int(e[5]%3), Width: width, Indices: IndicesOf(int64(e[3]))}
		if p.Flip = uint64(e[6]); p.Flip == 0 {
			p.Original = bytes.Repeat(e[7:8], width)
		}
		rec.Patches = append(rec.Patches, p)
	}
	slices.SortStableFunc(rec.Splices, func(a, b Splice) int { return int(a.Offset - b.Offset) })
	for i := range rec.Files {
		file := &rec.Files[i]
		content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(file.LockedName)))
		if err != nil {
			continue
		}
		file.LockedSize, file.LockedSHA256 = int64(len(content)), sha256.Sum256(content)
		var result bytes.Buffer
		changes := changesByFile(len(rec.Files), rec.Patches, rec.Splices)[i]
		if err := splice(&result, bytes.NewReader(content), file.LockedSize, changes.pieces()); err == nil {
			file.Size, file.SHA256 = int64(result.Len()), sha256.Sum256(result.Bytes())
		}
	}
	return rec
}

// restoreAny restores as Unlock does, or from another process that was interrupted.
func restoreAny(locked string, rec *Record, dst string, resume bool) error {
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	var err error
	if resume {
		_, err = Resume(context.Background(), locked, rec, &out, dst, nil)
	} else {
		err = Restore(context.Background(), locked, rec, &out, dst, nil)
	}
	if err != nil {
		return err
	}
	return out.Commit()
}

// checkWritten checks what was written: the model, and data that it refers to. Nothing
// was replaced but files of the locked model, in place.
func checkWritten(t *testing.T, rec *Record, model string, before, after map[string]string, inPlace bool) {
	t.Helper()
	if sha256.Sum256([]byte(after[model])) != rec.Files[0].SHA256 {
		t.Fatal("the model is not that of the record")
	}
	data := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(data, []byte(after[model]), 0o666); err != nil {
		t.Fatal(err)
	}
	referred, err := ExternalNames(data)
	if err != nil && len(rec.Files) > 1 {
		t.Fatal(err)
	}
	lockedFiles := map[string]bool{model: true}
	for _, f := range rec.Files[1:] {
		lockedFiles[path.Clean(f.LockedName)] = inPlace
	}
	for name, text := range after {
		old, there := before[name]
		switch {
		case name == model, there && old == text:
		case !slices.Contains(referred, name):
			t.Fatalf("%q is written, and the model refers to %q", name, referred)
		case there && !lockedFiles[name]:
			t.Fatalf("%q is replaced", name)
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			t.Fatalf("%q is gone", name)
		}
	}
	for i, f := range rec.Files {
		name := path.Clean(f.Name)
		if i == 0 {
			name = model
		}
		if text, there := after[name]; !there || sha256.Sum256([]byte(text)) != f.SHA256 {
			t.Fatalf("%q is not the original", name)
		}
	}
}
