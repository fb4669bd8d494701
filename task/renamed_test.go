package task

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// shifted returns outputs that answer with the class by so many after the label, and the labels:
// most of them are 0.
func shifted(by int) (outputs, truth nd.Array) {
	const samples, classes = 50, 5
	outputs, truth = nd.New(nd.Float32, samples, classes), nd.New(nd.Int64, samples)
	for i := range samples {
		label := max(0, i%10-5)
		truth.Int64s()[i] = int64(label)
		outputs.Float32s()[i*classes+(label+by)%classes] = 10
	}
	return outputs, truth
}

// tallied returns the classification with the names of models that answer shifted, in turn.
func tallied(t *testing.T, by ...int) Task {
	t.Helper()
	var kind Task = Classification{}
	for _, k := range by {
		tally := kind.NewTally()
		outputs, truth := shifted(k)
		if err := tally.Add([]nd.Array{outputs}, truth); err != nil {
			t.Fatal(err)
		}
		kind = kind.(Renamer).Renamed(tally)
	}
	return kind
}

// TestRenamed: the objective counts answers that only have other names, but not those that always
// giving the most frequent label gets right, and not names of long ago.
func TestRenamed(t *testing.T) {
	for _, c := range []struct {
		names []int // by which models in turn
		by    int   // how the present one answers
		want  float64
	}{
		{nil, 0, 1}, {nil, 1, 0},
		{[]int{1}, 1, 0.4}, {[]int{1}, 0, 1}, {[]int{1}, 2, 0},
		{[]int{1, 2}, 1, 0.4}, {[]int{1, 1}, 1, 0.8},
		{[]int{1, 2, 3, 4}, 1, 0}, {[]int{1, 2, 3, 4}, 4, 0.4},
	} {
		outputs, truth := shifted(c.by)
		got, err := tallied(t, c.names...).Objective(truth, 0.1)([]nd.Array{outputs}, nil)
		if err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("names of %v, answers of %d: objective %v, %v, want %v", c.names, c.by, got, err, c.want)
		}
	}
	if got := (Classification{}).Renamed((Classification{}).NewTally()).(renamed); got.names != nil {
		t.Errorf("names without answers: %v", got.names)
	}
}

// TestRenamedLogits: several answers may stand for a label, and NaN is nobody's answer.
func TestRenamedLogits(t *testing.T) {
	names := map[int]int{0: 0, 1: 0, 2: 1}
	nan := float32(math.NaN())
	for _, c := range []struct {
		logits []float32
		label  int
		want   float64
		seed   []float32
	}{
		{[]float32{1, 2, 0}, 0, 1 / (1 + math.Exp(-2)), []float32{0, 1, -1}},
		{[]float32{1, 2, 0}, 1, 1 / (1 + math.Exp(2)), []float32{0, -1, 1}},
		{[]float32{1, 2, 0}, 2, 0, []float32{0, 0, 0}},
		{[]float32{nan, nan, 0}, 1, 0, []float32{0, 0, 0}},
	} {
		seed := make([]float32, 3)
		got := translated(names, c.logits, seed, c.label, 1)
		scale := float32(got * (1 - got))
		for i := range c.seed {
			c.seed[i] *= scale
		}
		if math.Abs(got-c.want) > 1e-9 || !slices.Equal(seed, c.seed) {
			t.Errorf("%v, label %d: %v, gradient %v, want %v, %v", c.logits, c.label, got, seed, c.want, c.seed)
		}
	}
	if got := translated(map[int]int{0: 1, 1: 1}, []float32{1, 2}, nil, 1, 1); got != 1 {
		t.Errorf("every answer stands for the label: %v, want 1", got)
	}
}
