package perturb

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// TestBeaten: a change drops out of a race when the difference is large beside its
// variation, and never on few blocks.
func TestBeaten(t *testing.T) {
	for _, c := range []struct {
		worse, better []float64
		want          bool
	}{
		{[]float64{0.1, 0.2, 0.1, 0.2}, []float64{0.5, 0.6, 0.5, 0.6}, true},
		{[]float64{0.1, 0.2, 0.1}, []float64{0.5, 0.6, 0.5}, false}, // too few
		{[]float64{0.5, 0, 0.5, 0}, []float64{0, 0.6, 0, 0.6}, false},
		{[]float64{0.1, 0.2, 0.1, 0.2}, []float64{0.1, 0.2, 0.1, 0.2}, false},
	} {
		if got := raced(c.worse).beaten(raced(c.better)); got != c.want {
			t.Errorf("%v beaten by %v: %v", c.worse, c.better, got)
		}
		if raced(c.better).beaten(raced(c.worse)) {
			t.Errorf("%v beaten by %v", c.better, c.worse)
		}
	}
}

func raced(gains []float64) *runner {
	r := &runner{gains: gains}
	for _, g := range gains {
		r.gain += g / float64(len(gains))
	}
	return r
}

// TestRace: the winner of a race is the change that is best when all are tried on
// all samples, and its gain is the one on all of them.
func TestRace(t *testing.T) {
	t.Parallel()
	m, set := demo(t, dataset.Train, 128)
	shared, err := newSearch(m, set, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &minimal{search: shared}
	if err := s.examine(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if s.blocks, err = newBlocks(m, s.differentiated(), set, set.Len(), blockSize, s.opt.Task, s.lowered); err != nil {
		t.Fatal(err)
	}
	list, err := s.shortlist()
	if err != nil {
		t.Fatal(err)
	}
	var best runner
	for _, c := range list {
		r := runner{candidate: c}
		if err := r.run(s.blocks.list); err != nil {
			t.Fatal(err)
		}
		if best.gains == nil || r.gain > best.gain {
			best = r
		}
	}
	for _, k := range []int{1, 3} {
		first, n, err := s.blocks.race(slices.Clone(list), k)
		if err != nil {
			t.Fatal(err)
		}
		if n != len(list) || len(first) != k || first[0].site != best.site || math.Abs(first[0].gain-best.gain) > 1e-9 {
			t.Errorf("of %d changes the best %d are %v, the best of all is %v", n, k, first, best.candidate)
		}
	}
}
