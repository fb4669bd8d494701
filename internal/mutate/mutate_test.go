package mutate

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Without changes a model stays the same, and changes depend on the seed alone.
func TestModel(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "vectors", "onnx", "branches.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if got := parse(data, model).append(nil); !bytes.Equal(got, data) {
		t.Errorf("%x is written as %x", data, got)
	}
	different := 0
	for seed := range uint64(200) {
		a := Model(data, rand.New(rand.NewPCG(seed, 1)))
		if b := Model(data, rand.New(rand.NewPCG(seed, 1))); !bytes.Equal(a, b) {
			t.Fatalf("seed %d makes %x and %x", seed, a, b)
		}
		if !bytes.Equal(a, data) {
			different++
		}
	}
	if different < 150 {
		t.Errorf("%d of 200 differ", different)
	}
}
