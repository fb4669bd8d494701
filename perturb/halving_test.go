package perturb

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// TestWorse: a candidate is worse when the difference is large compared with its
// variation, and never on few blocks.
func TestWorse(t *testing.T) {
	for _, c := range []struct {
		worse, better []float64
		want          bool
	}{
		{[]float64{0.1, 0.2, 0.1, 0.2}, []float64{0.5, 0.6, 0.5, 0.6}, true},
		{[]float64{0.1, 0.2, 0.1}, []float64{0.5, 0.6, 0.5}, false}, // too few
		{[]float64{0.5, 0, 0.5, 0}, []float64{0, 0.6, 0, 0.6}, false},
		{[]float64{0.1, 0.2, 0.1, 0.2}, []float64{0.1, 0.2, 0.1, 0.2}, false},
	} {
		if got := tried(c.worse).worse(tried(c.better)); got != c.want {
			t.Errorf("%v worse than %v: %v", c.worse, c.better, got)
		}
		if tried(c.better).worse(tried(c.worse)) {
			t.Errorf("%v worse than %v", c.better, c.worse)
		}
	}
}

func tried(gains []float64) *trial {
	r := &trial{gains: gains}
	for _, g := range gains {
		r.gain += g / float64(len(gains))
	}
	return r
}

// examined returns a search on n samples of the demo that is about to look for changes.
func examined(t *testing.T, n int, opt Options) *minimal {
	t.Helper()
	m, set := demo(t, dataset.Train, n)
	shared, err := newSearch(m, set, opt)
	if err != nil {
		t.Fatal(err)
	}
	s := &minimal{search: shared, refuted: map[string]verdict{}}
	if err := s.examine(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if s.blocks, err = newBlocks(t.Context(), m, s.differentiated(), set, set.Len(), blockSize, keptLimit(), s.opt.Task, s.lowered); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHalve: the first candidate is the one that is best when all are evaluated on all
// samples, and its gain is about that on all of them.
func TestHalve(t *testing.T) {
	t.Parallel()
	s := examined(t, 128, Options{})
	list, err := s.shortlist(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var best trial
	for _, c := range list {
		r := trial{candidate: c}
		for _, one := range s.blocks.list {
			if err := r.evaluate(one); err != nil {
				t.Fatal(err)
			}
		}
		if best.gains == nil || r.gain > best.gain {
			best = r
		}
	}
	for _, k := range []int{1, 3} {
		first, n, err := s.blocks.halve(t.Context(), slices.Clone(list), k)
		if err != nil {
			t.Fatal(err)
		}
		if n != len(list) || len(first) != k || first[0].site != best.site || math.Abs(first[0].gain-best.gain) > 0.02 {
			t.Errorf("of %d changes the best %d are %v, the best of all is %v", n, k, first, best.candidate)
		}
	}
}
