package task

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
)

// score tallies outputs in two batches.
func score(t *testing.T, kind Task, outputs, truth nd.Array) Score {
	t.Helper()
	tally := kind.NewTally()
	n := truth.Shape[0]
	for _, b := range [][2]int{{0, n / 2}, {n / 2, n}} {
		if err := tally.Add([]nd.Array{outputs.Rows(b[0], b[1])}, truth.Rows(b[0], b[1])); err != nil {
			t.Fatal(err)
		}
	}
	if s := tally.Scale(); !(s > 0) {
		t.Errorf("scale %v", s)
	}
	return tally.Score()
}

// map1 returns a copy with f applied to every element.
func map1(a nd.Array, f func(i int, v float32) float32) nd.Array {
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		out.Float32s()[i] = f(i, v)
	}
	return out
}

// TestUseless: outputs that tell the truth are not useless. Those that have nothing
// to do with it are, whatever their place and spread; that they are merely moved
// or stretched does not make them so.
func TestUseless(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const n = 600
	numbers, other := normal(rng, n, 1), normal(rng, n, 1)
	vectors, others := normal(rng, n, 8), normal(rng, n, 8)
	bits := classes(rng, 0, 2, n, 1)
	sides := nd.New(nd.Float32, n, 1)
	for i, b := range bits.Int64s() {
		sides.Float32s()[i] = float32(2*b-1) + float32(rng.NormFloat64())/2
	}
	affine := func(a nd.Array) nd.Array { return map1(a, func(_ int, v float32) float32 { return 30 - 5*v }) }
	shifted := func(a nd.Array) nd.Array { return map1(a, func(_ int, v float32) float32 { return v + 9 }) }
	constant := func(a nd.Array) nd.Array { return map1(a, func(int, float32) float32 { return 3 }) }
	nan := func(a nd.Array) nd.Array { return map1(a, func(int, float32) float32 { return float32(math.NaN()) }) }
	outliers := map1(numbers, func(i int, v float32) float32 {
		if i%50 == 0 {
			return 1e6
		}
		return v
	})
	for _, c := range []struct {
		name           string
		task           Task
		outputs, truth nd.Array
		useless        bool
	}{
		{"right", Regression{}, numbers, numbers, false},
		{"moved and stretched", Regression{}, affine(numbers), numbers, false},
		{"a few run away", Regression{}, outliers, numbers, false},
		{"unrelated", Regression{}, other, numbers, true},
		{"constant", Regression{}, constant(numbers), numbers, true},
		{"NaN", Regression{}, nan(numbers), numbers, true},
		{"right", Binary{}, sides, bits, false},
		{"threshold moved", Binary{}, shifted(sides), bits, false},
		{"upside down", Binary{}, affine(sides), bits, false},
		{"unrelated", Binary{}, other, bits, true},
		{"constant", Binary{}, constant(sides), bits, true},
		{"right", MultiLabel{}, sides, bits, false},
		{"unrelated", MultiLabel{}, other, bits, true},
		{"right", Embedding{}, vectors, vectors, false},
		{"moved", Embedding{}, shifted(vectors), vectors, false},
		{"unrelated", Embedding{}, others, vectors, true},
		{"constant", Embedding{}, constant(vectors), vectors, true},
		{"NaN", Embedding{}, nan(vectors), vectors, true},
	} {
		s := score(t, c.task, c.outputs, c.truth)
		if got := s.Quality <= s.Useless(); got != c.useless {
			t.Errorf("%s, %s: quality %v, useless at %v; %v", c.task.Name(), c.name, s.Quality, s.Useless(), s.Metrics)
		}
		for _, m := range s.Metrics {
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) || math.IsNaN(m.Useless) {
				t.Errorf("%s, %s: %+v", c.task.Name(), c.name, m)
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	column := func(x ...float32) nd.Array { return nd.Of(x, len(x), 1) }
	ints := func(x ...int64) nd.Array { return nd.Of(x, len(x)) }
	for _, c := range []struct {
		task           Task
		outputs, truth nd.Array
		want           map[string][2]float64 // value and useless
	}{
		{Regression{}, column(1, 2, 3, 4), column(1, 2, 3, 6), map[string][2]float64{
			"R²": {1 - 4.0/14, 0}, "RMSE": {1, math.Sqrt(3.5)}, "ρ²": {1, 0},
		}},
		{Binary{}, column(-1, 2, 1, 3), nd.Of([]int64{0, 0, 1, 1}, 4, 1), map[string][2]float64{
			"accuracy": {0.75, 0.5}, "AUC": {0.75, 0.5},
		}},
		{MultiLabel{}, nd.Of([]float32{4, 3, 3, 4, 2, 2, 1, 1}, 4, 2), nd.Of([]int64{1, 1, 0, 1, 1, 0, 0, 0}, 4, 2), map[string][2]float64{
			"accuracy": {0.5, 0.5}, "AUC": {0.875, 0.5}, "mAP": {(5.0/6 + 1) / 2, 0.5},
		}},
		{Classification{}, nd.Of([]float32{1, 0, 0, 1, 1, 0, 1, 0}, 4, 2), ints(0, 1, 1, 0), map[string][2]float64{
			"accuracy": {0.75, 0.5},
		}},
		// Two positions of two tokens each; the fourth is not asked for.
		{Language{}, nd.Of([]float32{0, 0, 0, 0, 0, 0, 9, 0}, 2, 2, 2), nd.Of([]int64{0, 1, 0, -100}, 2, 2), map[string][2]float64{
			"perplexity": {2, math.Pow(3, 1.0/3) * math.Pow(1.5, 2.0/3)}, "accuracy": {2.0 / 3, 2.0 / 3},
		}},
		// One row of four positions, classes 0 0 1 and one that does not count, answered 0 1 1.
		{Segmentation{}, nd.Of([]float32{1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 2, 2, 1, 4), nd.Of([]int64{0, 0, 1, 255, -1, 255, 255, 255}, 2, 1, 4), map[string][2]float64{
			"accuracy": {2.0 / 3, 4.0 / 9}, "mIoU": {0.5, (2.0/9/(1-2.0/9) + 2.0/9/(1-2.0/9)) / 2},
		}},
		{Embedding{}, nd.Of([]float32{1, 0, 0, 1}, 2, 2), nd.Of([]float32{2, 0, 0, 2}, 2, 2), map[string][2]float64{
			"cosine": {1, math.Sqrt(0.5)}, "centred cosine": {1, 0},
		}},
	} {
		s := score(t, c.task, c.outputs, c.truth)
		for name, want := range c.want {
			m, ok := s.Metric(name)
			if !ok || math.Abs(m.Value-want[0]) > 1e-6 || math.Abs(m.Useless-want[1]) > 1e-6 {
				t.Errorf("%s: %s is %v, useless %v; want %v", c.task.Name(), name, m.Value, m.Useless, want)
			}
		}
	}
}

// TestErrors: labels that do not fit are errors that say so.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		task           Task
		outputs, truth nd.Array
		want           string
	}{
		{Regression{}, nd.New(nd.Float32, 2, 3), nd.New(nd.Float32, 2), "do not fit"},
		{Binary{}, nd.New(nd.Float32, 2, 1), nd.Of([]int64{0, 2}, 2), "0 or 1"},
		{MultiLabel{}, nd.New(nd.Float32, 2, 2), nd.New(nd.Int64, 2, 3), "do not fit"},
		{Language{}, nd.New(nd.Float32, 2, 3, 4), nd.New(nd.Int64, 2, 2), "do not fit"},
		{Language{}, nd.New(nd.Float32, 1, 1, 4), nd.Of([]int64{4}, 1, 1), "label 4"},
		{Segmentation{}, nd.New(nd.Float32, 1, 2, 3, 3), nd.New(nd.Int64, 1, 3), "do not fit"},
		{Segmentation{}, nd.New(nd.Float32, 1, 2, 1, 1), nd.Of([]float32{0.5}, 1, 1, 1), "not a class"},
		{Embedding{}, nd.New(nd.Float32, 1, 2), nd.Array{}, "no labels"},
		{Classification{}, nd.New(nd.Float32, 1, 2), nd.Array{}, "no labels"},
	} {
		outputs := []nd.Array{c.outputs}
		for what, err := range map[string]error{
			"tally":     c.task.NewTally().Add(outputs, c.truth),
			"objective": second(c.task.Objective(c.truth, 1)(outputs, nil)),
			"training":  second(c.task.Training(c.truth)(outputs, []nd.Array{nd.New(nd.Float32, c.outputs.Shape...)})),
		} {
			if err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
				t.Errorf("%s %v, %s: error %v, hint %q", c.task.Name(), c.truth.Shape, what, err, hint.Of(err))
			}
		}
	}
	for _, kind := range all {
		if err := kind.NewTally().Add(nil, nd.New(nd.Int64, 1)); err == nil {
			t.Errorf("%s: no outputs are no error", kind.Name())
		}
	}
}

func second(_ float64, err error) error { return err }

// TestAnswers: a model's own answers make it right.
func TestAnswers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct {
		task    Task
		outputs nd.Array
	}{
		{Classification{}, normal(rng, 50, 3)}, {Binary{}, normal(rng, 50, 1)}, {MultiLabel{}, normal(rng, 50, 3)},
		{Regression{}, normal(rng, 50, 2)}, {Language{}, normal(rng, 50, 4, 3)},
		{Segmentation{}, normal(rng, 50, 3, 4, 5)}, {Segmentation{}, normal(rng, 50, 1, 4, 5)}, {Embedding{}, normal(rng, 50, 4)},
	} {
		truth, err := c.task.Answers([]nd.Array{c.outputs})
		if err != nil {
			t.Fatal(err)
		}
		s := score(t, c.task, c.outputs, truth)
		if m, ok := s.Metric("accuracy"); ok && m.Value != 1 || s.Quality < 0.999 {
			t.Errorf("%s %v: %v", c.task.Name(), c.outputs.Shape, s)
		}
	}
}
