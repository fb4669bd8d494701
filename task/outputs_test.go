package task

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestOutputs: the agreement is that of the output which agrees most, whatever the scales
// of numbers are, and a shift or scale of a number does not hide that it is still right.
func TestOutputs(t *testing.T) {
	const n, boxes, scores = 60, 4, 36
	rng := rand.New(rand.NewPCG(3, 3))
	head := normal(rng, n, boxes+scores)
	for i, v := range head.Float32s() {
		if i%(boxes+scores) < boxes {
			head.Float32s()[i] = 640 * v
		} else {
			head.Float32s()[i] = v / 1000
		}
	}
	other := normal(rng, n, 3)
	truth, err := Outputs{}.Answers([]nd.Array{head, other})
	if err != nil || !slices.Equal(truth.Shape, []int{n, boxes + scores + 3}) {
		t.Fatalf("%v, %v", truth.Shape, err)
	}
	change := func(a nd.Array, f func(v float32, column int) float32) nd.Array {
		out := nd.New(nd.Float32, a.Shape...)
		for i, v := range a.Float32s() {
			out.Float32s()[i] = f(v, i%a.Shape[1])
		}
		return out
	}
	noise := func(float32, int) float32 { return float32(rng.NormFloat64()) }
	for _, c := range []struct {
		name        string
		head, other nd.Array
		low, high   float64
	}{
		{"the same", head, other, 1, 1},
		{"all lost", change(head, noise), change(other, noise), 0, 0.1},
		{"constant", change(head, func(float32, int) float32 { return 1 }), change(other, func(float32, int) float32 { return 0 }), 0, 0},
		{"one output intact", change(head, noise), other, 1, 1},
		{"shifted and scaled", change(head, func(v float32, _ int) float32 { return 3 - 2*v }), change(other, noise), 0.99, 1},
		{"boxes lost, scores right", change(head, func(v float32, column int) float32 {
			if column < boxes {
				return noise(v, column)
			}
			return v
		}), change(other, noise), 0.9, 0.95},
	} {
		tally := Outputs{Names: []string{"head", "other"}}.NewTally()
		if err := tally.Add([]nd.Array{c.head, c.other}, truth); err != nil {
			t.Fatal(err)
		}
		s := tally.Score()
		if !(s.Quality >= c.low && s.Quality <= c.high) {
			t.Errorf("%s: agreement %v, want %v to %v", c.name, s.Quality, c.low, c.high)
		}
		if m, ok := s.Metric("agreement of other"); c.name == "one output intact" && (!ok || m.Value != 1) {
			t.Errorf("%s: %v", c.name, s.Metrics)
		}
	}
}

// TestSampled: the columns that are looked at lie in all parts of an output and in all of
// its channels.
func TestSampled(t *testing.T) {
	if got := sampled(5); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("%v", got)
	}
	const channels = 4
	seen := map[int]int{}
	list := sampled(channels * 32 * 32)
	for i, j := range list {
		seen[j%channels]++
		if i > 0 && j <= list[i-1] {
			t.Errorf("column %d after %d", j, list[i-1])
		}
	}
	if len(list) != maxPerOutput || len(seen) != channels {
		t.Errorf("%d columns, of channels %v", len(list), seen)
	}
}

// TestSameColumns: numbers that are the same for all samples do not count, even where their
// mean differs from them by rounding.
func TestSameColumns(t *testing.T) {
	const n = 300
	truth, other := nd.New(nd.Float32, n, 2), nd.New(nd.Float32, n, 2)
	for i := range n {
		truth.Float32s()[2*i], other.Float32s()[2*i] = 0.2, 0.2
		truth.Float32s()[2*i+1], other.Float32s()[2*i+1] = float32(i%7), float32(i%11)
	}
	tally := Outputs{}.NewTally()
	if err := tally.Add([]nd.Array{other}, truth); err != nil {
		t.Fatal(err)
	}
	if s := tally.Score(); s.Quality > s.Useless() {
		t.Errorf("%+v", s)
	}
}

// TestFewSamplesPickedOut: a locked model that still tells the few samples which the original
// tells, in another scale and with the others in another order, agrees with it.
func TestFewSamplesPickedOut(t *testing.T) {
	const n = 200
	truth, other := nd.New(nd.Float32, n, 1), nd.New(nd.Float32, n, 1)
	for i := range n {
		truth.Float32s()[i], other.Float32s()[i] = float32(i%7), float32(i%11)
		if i%50 == 0 {
			truth.Float32s()[i], other.Float32s()[i] = 100, 50
		}
	}
	tally := Outputs{}.NewTally()
	if err := tally.Add([]nd.Array{other}, truth); err != nil {
		t.Fatal(err)
	}
	if s := tally.Score(); s.Quality < 0.7 {
		t.Errorf("%+v", s)
	}
	seeds := []nd.Array{nd.New(nd.Float32, n, 1)}
	got, err := Outputs{}.Objective(truth, 1)([]nd.Array{other}, seeds)
	if err != nil || got < 0.35 {
		t.Errorf("the objective is %v, %v", got, err)
	}
}
