package advparams_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
)

// glyphs returns samples of the demo with all numbers times a and plus b.
func glyphs(t *testing.T, folder string, split dataset.Split, n int, a, b float32) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(folder, dataset.Spec{Inputs: []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}}}, Split: split, Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	x := nd.New(nd.Float32, batch["input"].Shape...)
	for i, v := range batch["input"].Float32s() {
		x.Float32s()[i] = a*v + b
	}
	return set.WithInputs(map[string]nd.Array{"input": x})
}

// TestPreparation: samples in another scale than that of training are refused, with the
// scale in which the model is right, and nothing is written.
func TestPreparation(t *testing.T) {
	model, folder := demo(t)
	for _, c := range []struct {
		a, b float32
		want string
	}{{255, 0, "divided by 255"}, {3, -1, "normalised"}, {1, 0.5, "normalised"}, {1, 0, ""}} {
		var locked, key bytes.Buffer
		_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: advparams.Data{Samples: glyphs(t, folder, dataset.Train, 500, c.a, c.b)}, LockedTo: &locked, KeyTo: &key, PlainKey: true,
		})
		e, is := errors.AsType[*advparams.PreparationError](err)
		if is != (c.want != "") || is && (e.Variant != c.want || e.Better < e.Accuracy+0.15 || locked.Len()+key.Len() > 0) {
			t.Errorf("times %g plus %g: %v, %d bytes written", c.a, c.b, err, locked.Len()+key.Len())
		}
	}
}

// TestWeakClassifier: a classifier that is honestly right on a third of the samples is
// locked, and the lock holds in the scale that it was trained in as well.
func TestWeakClassifier(t *testing.T) {
	model, folder := demo(t)
	set := glyphs(t, folder, dataset.Train, 600, 1, 0)
	labels := make([]int, set.Len())
	for i, label := range set.Labels() {
		if labels[i] = label; i%4 != 0 {
			labels[i] = (i * 7) % 16
		}
	}
	var locked bytes.Buffer
	p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: set.WithLabels(labels)}, LockedTo: &locked, KeyTo: &bytes.Buffer{}, PlainKey: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Families) < 2 || p.Metrics[0].Before > 0.35 || p.Metrics[0].Before < 0.25 {
		t.Errorf("%v, families %v", p.Metrics, p.Families)
	}
	for _, f := range p.Families {
		if f.Intact {
			t.Errorf("still right on samples %s: %.2f", f.Family, f.Agreement)
		}
	}
}
