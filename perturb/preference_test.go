package perturb

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// labelled are labels without samples.
type labelled []int

func (l labelled) Len() int                                        { return len(l) }
func (l labelled) Labels() []int                                   { return l }
func (l labelled) Batch(_, _ int) (b map[string]nd.Array, e error) { return nil, nil }

// TestPreference: exchanges leave no more than the greedy choice does, no parameter is
// changed twice, and the gaps are those of a layer with the changes made.
func TestPreference(t *testing.T) {
	const n, width, classes, k = 300, 12, 4, 3
	m, _ := demo(t, "train", 1)
	some, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	better := 0
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 0))
		l := &lastLayer{head: gradient.Head{Weight: "w", Bias: "b", Transposed: true}, n: n, width: width}
		w := nd.New(nd.Float32, classes, width)
		for i := range w.Float32s() {
			w.Float32s()[i] = float32(rng.NormFloat64())
		}
		labels := make(labelled, n)
		for i := range n {
			labels[i] = rng.IntN(classes)
			for j := range width {
				x := max(0, rng.NormFloat64()+2*float64(w.Float32s()[labels[i]*width+j]))
				l.features = append(l.features, float32(x))
			}
		}
		l.weights, l.classes, l.bias, l.logits = w, classes, make([]float32, classes), nil
		logits := func(i, c int) (z float32) {
			for j := range width {
				z += l.feature(i, j) * w.Float32s()[l.at(c, j)]
			}
			return z
		}
		for i := range n {
			for c := range classes {
				l.logits = append(l.logits, logits(i, c))
			}
		}
		s := &search{samples: labels, tau: 1, weights: some.With("w", w), bounds: map[string]bounds{"w": {bound{value: -2}, bound{value: 2}}}}
		p := s.prefer(l, 1)
		p.choose(k)
		greedy := p.rest(stepped{})
		p.exchange()
		if rest := p.rest(stepped{}); rest > greedy+1e-3 {
			t.Errorf("seed %d: exchanges raise the rest from %v to %v", seed, greedy, rest)
		} else if rest < greedy-1e-3 {
			better++
		}
		seen := map[site]bool{}
		for _, m := range p.list {
			if seen[m.site] {
				t.Errorf("seed %d: %v is changed twice", seed, m.site)
			}
			seen[m.site] = true
			w.Float32s()[m.index] = m.value
		}
		if len(p.list) != k {
			t.Errorf("seed %d: %d changes, want %d", seed, len(p.list), k)
		}
		for i := range n {
			want := float32(math.Inf(-1))
			for c := range classes {
				if c != 1 {
					want = max(want, logits(i, c))
				}
			}
			want -= logits(i, 1)
			if d := want - p.gap[i]; d > 1e-3 || d < -1e-3 {
				t.Fatalf("seed %d: the gap of sample %d is %v, want %v", seed, i, p.gap[i], want)
			}
		}
	}
	if better == 0 {
		t.Error("exchanges never help")
	}
}

// TestExchangeTakesBack: a change stays whose exchange would leave more. One feature acts on all samples
// but every eighth, which are looked at first, and the others on these alone.
func TestExchangeTakesBack(t *testing.T) {
	const n, width = 8 * manyRight / partly, shortlistedMoves + 2
	m, _ := demo(t, "train", 1)
	some, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	w := nd.New(nd.Float32, 2, width)
	l := &lastLayer{head: gradient.Head{Weight: "w", Transposed: true}, n: n, width: width, classes: 2, weights: w, features: make([]float32, n*width)}
	labels := make(labelled, n)
	for i := range n {
		labels[i] = 1
		l.logits = append(l.logits, 0, 1)
		for j := range width {
			if (j == 0) != (i%partly == 0) {
				l.features[i*width+j] = 1
			}
		}
	}
	s := &search{samples: labels, tau: 1, weights: some.With("w", w), bounds: map[string]bounds{"w": {bound{value: -2}, bound{value: 2}}}}
	p := s.prefer(l, 0)
	for _, m := range p.moves {
		if m.feature == 0 && m.step > 0 {
			p.move(m, 1)
			p.list = append(p.list, m)
		}
	}
	before := p.rest(stepped{})
	p.exchange()
	if after := p.rest(stepped{}); len(p.list) != 1 || p.list[0].feature != 0 || after > before+1e-3 {
		t.Errorf("changes %v leave %v, and %v before", p.list, after, before)
	}
}

// TestPace: rounds add more changes as more are needed and as the work runs out.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		n             int
		needed, share float64
		want          int
	}{
		{0, 0, 0, 1}, {8, 20, 0.1, 1}, {31, 0, 0.1, 1}, {32, 0, 0.1, 2}, {8, 0, 0.31, 2}, {40, 0, 0.31, 10}, {2, 0, 0.61, 4}, {40, 0, 0.61, 40},
		{1, 60, 0.1, 5}, {8, 240, 0.61, 20},
	} {
		if got := pace(c.n, c.needed, c.share); got != c.want {
			t.Errorf("pace(%d, %v, %v) is %d, want %d", c.n, c.needed, c.share, got, c.want)
		}
	}
	for _, c := range []struct {
		before, after, target float64
		changes               int
		want                  float64
	}{
		{0.75, 0.5, 0, 1, 2}, {0.75, 0.5, 0, 2, 4}, {0.75, 0.5, 0.25, 1, 1}, {1, 0.5, 0.6, 1, 0.1}, // at least a tenth is left
		{0.5, 0.5, 0, 1, 0}, {0.5, 0.6, 0, 1, 0},
	} {
		if got := outlook(c.before, c.after, c.target, c.changes); got != c.want {
			t.Errorf("outlook(%v, %v, %v, %d) is %v, want %v", c.before, c.after, c.target, c.changes, got, c.want)
		}
	}
}

// TestSpent: a beam ends when the work is done, with what it has.
func TestSpent(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{Target: 1e-9})
	s.work, s.longer = float64(s.meter.Work())+1, true
	if reached, err := s.beam(t.Context(), 10); reached || err != nil || !s.done || len(s.result.Changes) == 0 || len(s.result.Changes) > 4 {
		t.Errorf("reached %v, error %v, spent %v, %d changes", reached, err, s.done, len(s.result.Changes))
	}
}
