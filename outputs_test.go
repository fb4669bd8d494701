package advparams_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// smooth returns n samples of noise in which neighbours are alike, each at a brightness of
// its own.
func smooth(t *testing.T, seed uint64, n int, shape ...int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	x := nd.New(nd.Float32, append([]int{n}, shape...)...)
	size := nd.Size(shape)
	for i := range n {
		level, last := rng.NormFloat64(), 0.0
		for k := range size {
			last = 0.7*last + 0.7*rng.NormFloat64()
			x.Float32s()[i*size+k] = float32(last + level)
		}
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "noise")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// outputsOf returns the outputs of a model for all samples.
func outputsOf(t *testing.T, path string, set *dataset.Set) []nd.Array {
	t.Helper()
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	p, err := gradient.Compile(m, gradient.Config{Shapes: map[string][]int{"x": batch["x"].Shape}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Forward(batch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lockHead locks a model of testdata/heads by its own answers, and returns its outputs on
// other samples before and after.
func lockHead(t *testing.T, name string, shape []int, change func(*advparams.ProtectOptions)) (p *advparams.Protection, before, after []nd.Array, err error) {
	t.Helper()
	model := filepath.Join("testdata", "heads", name+".onnx")
	if model, err = filepath.Abs(model); err != nil {
		t.Fatal(err)
	}
	opt := advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: smooth(t, 1, 400, shape...), Labels: advparams.LabelsOfModel},
		Locked: filepath.Join(t.TempDir(), "locked.onnx"), KeyTo: &bytes.Buffer{}, PlainKey: true,
	}
	change(&opt)
	if p, err = advparams.Protect(t.Context(), opt); p == nil {
		return p, nil, nil, err
	}
	other := smooth(t, 2, 200, shape...)
	return p, outputsOf(t, model, other), outputsOf(t, opt.Locked, other), err
}

// agreement returns the share of rows of the last axis in which the largest elements are at
// the same place.
func agreement(a, b nd.Array) float64 {
	width := a.Shape[len(a.Shape)-1]
	same, n := 0, a.Len()/width
	for i := range n {
		if gradient.ArgMax(a.Float32s()[i*width:(i+1)*width]) == gradient.ArgMax(b.Float32s()[i*width:(i+1)*width]) {
			same++
		}
	}
	return float64(same) / float64(n)
}

// TestRecogniser: a model that ends in Softmax(axis=2) is measured along that axis, and
// locked there.
func TestRecogniser(t *testing.T) {
	var notices []string
	p, before, after, err := lockHead(t, "recogniser", []int{1, 8, 20}, func(o *advparams.ProtectOptions) {
		o.Notice = func(n advparams.Notice) { notices = append(notices, n.Text) }
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Task != "segmentation" || !strings.Contains(strings.Join(notices, "\n"), "Softmax(axis=2); classes are on axis 2") {
		t.Errorf("task %s, %q", p.Task, notices)
	}
	if got := agreement(before[0], after[0]); got > *p.Accuracy.Locked+0.1 || math.Abs(*p.Accuracy.Before-1) > 1e-9 {
		t.Errorf("answers agree on %.2f, the search said %.2f → %.2f", got, *p.Accuracy.Before, *p.Accuracy.Locked)
	}
}

// TestDetector: boxes and scores in one output are both locked, and the range that boxes are
// computed with is not touched.
func TestDetector(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	p, before, after, err := lockHead(t, "detector", []int{3, 16, 16}, func(*advparams.ProtectOptions) {})
	if err != nil {
		t.Fatal(err)
	}
	if p.Task != "outputs" {
		t.Errorf("task %s", p.Task)
	}
	for _, c := range p.Tensors {
		if c.Name == "dfl.weight" || c.Name == "stride" {
			t.Errorf("%s was changed", c.Name)
		}
	}
	const rows, boxes = 9, 4
	for name, part := range map[string][2]int{"boxes": {0, boxes}, "scores": {boxes, rows}} {
		cut := func(y nd.Array) nd.Array {
			out := nd.New(nd.Float32, y.Shape[0], (part[1]-part[0])*16)
			for i := range y.Shape[0] {
				copy(out.Float32s()[i*out.Shape[1]:(i+1)*out.Shape[1]], y.Float32s()[(i*rows+part[0])*16:(i*rows+part[1])*16])
			}
			return out
		}
		x, y := []nd.Array{cut(before[0])}, []nd.Array{cut(after[0])}
		truth, err := task.Outputs{}.Answers(x)
		if err != nil {
			t.Fatal(err)
		}
		tally := task.Outputs{}.NewTally()
		if err := tally.Add(y, truth); err != nil {
			t.Fatal(err)
		}
		if s := tally.Score(); s.Quality > 0.3 {
			t.Errorf("%s agree with the original: %.2f", name, s.Quality)
		}
	}
}

// TestTwoHeads: both heads are locked. With one named, the other is reported, and without
// changes to spare that is an error and nothing is written.
func TestTwoHeads(t *testing.T) {
	shape := []int{1, 12, 12}
	p, before, after, err := lockHead(t, "two_heads", shape, func(o *advparams.ProtectOptions) { o.Task = task.Classification{} })
	if err != nil {
		t.Fatal(err)
	}
	if p.Task != "classification" || len(p.Outputs) != 1 || p.Outputs[0].Name != "parity" || p.Outputs[0].Intact || p.Outputs[0].By != "answers" {
		t.Errorf("task %s, outputs %+v", p.Task, p.Outputs)
	}
	for i, most := range []float64{*p.Accuracy.Locked + 0.05, 0.8} {
		if got := agreement(before[i], after[i]); got > most {
			t.Errorf("head %d agrees on %.2f", i, got)
		}
	}
	p, before, after, err = lockHead(t, "two_heads", shape, func(o *advparams.ProtectOptions) {
		o.Task, o.Output = task.Classification{}, "digit"
		o.Include = []string{"digit_fc.*"}
	})
	if err != nil || len(p.Outputs) != 1 || !p.Outputs[0].Intact || *p.Outputs[0].Agreement < 0.99 || agreement(before[1], after[1]) != 1 {
		t.Errorf("one head named: %+v, %v", p, err)
	}
	p, _, _, err = lockHead(t, "two_heads", shape, func(o *advparams.ProtectOptions) {
		o.Task, o.Include = task.Classification{}, []string{"digit_fc.*"}
	})
	var left *advparams.OutputsError
	if p != nil || !errors.As(err, &left) || !errors.Is(err, advparams.ErrTarget) || len(left.Intact) != 1 || left.Intact[0].Name != "parity" {
		t.Errorf("one head locked, none named: %+v, %v", p, err)
	}
}
