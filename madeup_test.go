package advparams_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/task"
)

// TestMadeUp: a lock that has seen no real data brings the model to chance on real data, by
// changes that act whatever the input.
func TestMadeUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	model, folder := demo(t)
	for seed := range uint64(2) {
		seed++
		locked := filepath.Join(t.TempDir(), "locked.onnx")
		var key bytes.Buffer
		p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: advparams.Data{MadeUp: true, Seed: &seed, Preprocess: advparams.Preprocess{Mean: []float32{0.5}, Std: []float32{0.3}}},
			Locked: locked, KeyTo: &key, PlainKey: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.RealData || len(p.Families) < 4 {
			t.Errorf("seed %d: real data %v, families %v", seed, p.RealData, p.Families)
		}
		for _, f := range p.Families {
			if f.Intact || f.Samples < 100 {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: locked, Data: advparams.Data{Path: folder, Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		if *v.Accuracy.Original < 0.95 || *v.Accuracy.Locked > 0.09 {
			t.Errorf("seed %d: accuracy %v before, %v locked, chance is 0.0625", seed, *v.Accuracy.Original, *v.Accuracy.Locked)
		}
		if _, err := os.Stat(locked); err != nil {
			t.Error(err)
		}
	}
}

// TestMadeUpTarget: a lock at the target that was asked for holds, although it leaves a part of
// the model on other samples.
func TestMadeUpTarget(t *testing.T) {
	locked, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: "testdata/corpus/conv_batchnorm__ts.onnx", Data: advparams.Data{MadeUp: true}, Samples: 64, Task: task.Outputs{}, Target: 0.7,
		LockedTo: io.Discard, KeyTo: io.Discard, PlainKey: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	left := 0.0
	for _, f := range locked.Families {
		left = max(left, f.Agreement)
	}
	if left < 0.2 {
		t.Errorf("the families agree to %v at most: this model shows nothing", left)
	}
}
