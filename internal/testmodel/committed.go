package testmodel

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/shared"
)

// Golden is a model of testdata with the outputs and gradients expected of it.
type Golden struct {
	Name   string
	Model  string // path of the ONNX file
	Arrays string // path of the .npz file, whose keys testdata/README.md describes
}

// Corpus returns the small exported models of testdata/corpus.
func Corpus(t testing.TB) []Golden { return golden(t, "corpus") }

// Nodes returns the models of testdata/nodes, which have one operator each.
func Nodes(t testing.TB) []Golden { return golden(t, "nodes") }

// Contrib returns the models of testdata/contrib, which have one operator each and
// onnxruntime's outputs.
func Contrib(t testing.TB) []Golden { return golden(t, "contrib") }

func golden(t testing.TB, folder string) []Golden {
	t.Helper()
	paths, err := filepath.Glob(shared.Repository("testdata", folder, "*.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("testdata/%s has no models", folder)
	}
	var all []Golden
	for _, path := range paths {
		stem := strings.TrimSuffix(path, ".onnx")
		all = append(all, Golden{Name: filepath.Base(stem), Model: path, Arrays: stem + ".npz"})
	}
	return all
}
