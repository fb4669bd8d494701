package attack

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
)

func open(t *testing.T, path string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func samples(t *testing.T, dir string, split dataset.Split, limit int) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(filepath.Join(dir, models.DataFolder), dataset.Spec{
		Inputs: []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}, DType: nd.Float32}},
		Split:  split, Limit: limit, NeedLabels: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// lockEdits is the lock of the demo model, which searched finds once for all tests.
var (
	searched  sync.Once
	lockEdits []onnxio.Edit
)

// locked returns the demo model with a minimal lock, the original, and data.
func locked(t *testing.T, limit int) (lock, original *onnxio.Model, train, test *dataset.Set) {
	t.Helper()
	original, dir := testmodel.Demo(t)
	train, test = samples(t, dir, dataset.Train, limit), samples(t, dir, dataset.Test, 400)
	searched.Do(func() {
		found, err := perturb.Search(context.Background(), original, samples(t, dir, dataset.Train, 256), perturb.Options{Calibration: 64})
		if err != nil {
			t.Fatal(err)
		}
		lockEdits = found.Edits()
	})
	out := new(atomicfile.Set)
	path := filepath.Join(dir, "locked.onnx")
	if _, err := original.Rewrite(out, path, lockEdits); err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return open(t, path), original, train, test
}

// intact returns the demo model without a lock, and data.
func intact(t *testing.T, limit int) (m *onnxio.Model, train, test *dataset.Set) {
	t.Helper()
	m, dir := testmodel.Demo(t)
	return m, samples(t, dir, dataset.Train, limit), samples(t, dir, dataset.Test, 100)
}
