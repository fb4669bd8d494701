package onnxio

import (
	"os"
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

// openAll decodes everything in a model that has a decoded form.
func decodeAll(t *testing.T, path string) *Model {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for _, x := range m.tensors {
		switch x.elem.kind {
		case kindString, kindComplex, kindOpaque:
			continue
		}
		a, err := x.Array()
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if a.Len() != x.Len() {
			t.Errorf("%s: %s has %d elements of %d", path, x.label(), a.Len(), x.Len())
		}
	}
	return m
}

func TestReferenceModels(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(sharedFolder(t, "models"), "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		m := decodeAll(t, path)
		n := 0
		for _, x := range m.Initializers() {
			n += x.Len()
		}
		if n < 10000 || len(m.Proto().Graph.Node) == 0 {
			t.Errorf("%s: %d parameters, %d nodes", path, n, len(m.Proto().Graph.Node))
		}
		t.Logf("%s: %d initializers, %d elements, %d files", filepath.Base(path), len(m.Initializers()), n, len(m.Files()))
	}
}
