package onnxio

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sharedFolder returns a folder of reference files beside the repository.
func sharedFolder(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no reference files: %v", err)
	}
	return dir
}

// checkReal decodes everything in a model that has a decoded form, changes the
// first and last element of every float initializer, and goes back.
func checkReal(t *testing.T, path string) *Model {
	t.Helper()
	m := open(t, path)
	for _, x := range m.tensors {
		readAll(t, x)
	}
	var edits []Edit
	for _, x := range m.Initializers() {
		if x.elem.kind != kindFloat || x.Len() == 0 {
			continue
		}
		if err := x.Editable(); err != nil {
			t.Errorf("%v", err)
			continue
		}
		edits = append(edits, Edit{x.Name, x.Len() - 1, x.Bits(x.Len()-1) ^ 1})
		if x.Len() > 1 {
			edits = append(edits, Edit{x.Name, 0, x.Bits(0) ^ 1})
		}
	}
	locked := filepath.Join(t.TempDir(), "locked.onnx")
	rec := rewrite(t, m, locked, false, edits...)
	checkDigests(t, rec, path, locked)
	n := 0
	for _, p := range rec.Patches {
		n += p.Indices.Len()
	}
	if n != len(edits) || n == 0 {
		t.Errorf("%d of %d edits recorded", n, len(edits))
	}
	l := open(t, locked)
	for _, e := range edits {
		if got := l.Lookup(e.Tensor).Bits(e.Index); got != e.Bits {
			t.Errorf("element %d of %s is %#x, want %#x", e.Index, e.Tensor, got, e.Bits)
		}
	}
	back := filepath.Join(t.TempDir(), "back.onnx")
	if err := restore(locked, rec, back, false); err != nil {
		t.Error(err)
	}
	return m
}

func TestReferenceModels(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(sharedFolder(t, "models"), "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m := checkReal(t, path)
			traces, example := m.Metadata()
			t.Logf("%d initializers, %d source traces such as %s", len(m.Initializers()), traces, example)
		})
	}
}

// Exports of larger models, with and without external data.
func TestCorpus(t *testing.T) {
	corpus := sharedFolder(t, "corpus")
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"hf_llama_lm__dyn", "hf_bert_cls__ts", "k_LSTM__tf17", "my_gru_cls__dyn", "timm_resnet26t__dyn"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tar := exec.Command("tar", "-xJf", filepath.Join(corpus, name+".tar.xz"), "-C", dir)
			if out, err := tar.CombinedOutput(); err != nil {
				t.Skipf("cannot unpack: %v: %s", err, out)
			}
			m := checkReal(t, filepath.Join(dir, name, name+".onnx"))
			t.Logf("%d initializers, %d files", len(m.Initializers()), len(m.Files()))
		})
	}
}

// The small exports that are committed, which a fresh clone has, too.
func TestCommittedCorpus(t *testing.T) {
	paths, err := filepath.Glob("../testdata/corpus/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { checkReal(t, path) })
	}
}
