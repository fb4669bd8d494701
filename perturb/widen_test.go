package perturb

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/task"
)

// TestWidened: more samples choose once changes do nothing for the others, and the changes
// before the last stay.
func TestWidened(t *testing.T) {
	t.Parallel()
	s := examined(t, 256, Options{})
	if err := s.calibrate(t.Context(), 32); err != nil {
		t.Fatal(err)
	}
	c := anyChange(t, s)
	previous := []node{{list: []candidate{c}}}
	s.fairest = math.Inf(1)
	for _, step := range []struct {
		quality float64 // of other samples; 0 for not measured
		work    float64 // share that is done
		samples int     // of the blocks afterwards; 0 if nothing happens
	}{
		{0, 0.1, 0}, {0.4, 0.1, 0}, {0.3, 0.1, 0},
		{0.35, 0.6, 0}, // too late
		{0.35, 0.1, 128},
		{0.35, 0.1, 0}, // half of all choose: the others judge
	} {
		s.fair = task.Score{}
		if step.quality > 0 {
			s.fair = task.Score{Quality: step.quality, Metrics: []task.Metric{{}}}
		}
		s.work = float64(s.meter.Work()) / step.work
		s.become(nil)
		got, err := s.widened(t.Context(), previous)
		if err != nil {
			t.Fatal(err)
		}
		if (got != nil) != (step.samples > 0) {
			t.Fatalf("%+v: went on from %v", step, got)
		}
		if got == nil {
			continue
		}
		s.become(got[0].list)
		now, err := s.blocks.objective()
		if err != nil {
			t.Fatal(err)
		}
		if n := s.blocks.samples(); n != step.samples || len(s.result.Changes) != 1 || math.Abs(now-got[0].objective) > 1e-6 {
			t.Errorf("%+v: %d samples, changes %v, objective %v, not %v", step, n, s.result.Changes, got[0].objective, now)
		}
	}
}

// TestWidenedOutputs: of outputs, three quarters of the samples may choose.
func TestWidenedOutputs(t *testing.T) {
	t.Parallel()
	model, set := bands(t, 32, 16, 4) // 128 samples
	s, err := newSearch(testmodel.Open(t, model), set, Options{Task: task.Outputs{}})
	if err != nil {
		t.Fatal(err)
	}
	m := &minimal{search: s}
	if err := m.examine(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	c := anyChange(t, m)
	for _, step := range []struct {
		chosen, fairest float64
		samples, kept   int // how many samples choose then, and how many changes stay
	}{{0.5, 2, 64, -1}, {0.5, 0, 96, 1}, {0.3, 2, 96, 0}} {
		if err := m.calibrate(t.Context(), 64); err != nil {
			t.Fatal(err)
		}
		m.fairest, m.chosen, m.fair = step.fairest, step.chosen, task.Score{Quality: 1, Metrics: []task.Metric{{}}}
		got, err := m.widened(t.Context(), []node{{list: []candidate{c}}})
		if err != nil {
			t.Fatal(err)
		}
		kept := -1
		if got != nil {
			kept = len(got[0].list)
		}
		if n := m.blocks.samples(); n != step.samples || kept != step.kept {
			t.Errorf("%+v: %d samples choose, %d changes stay", step, n, kept)
		}
	}
}

// TestCollapsed: where changes of the last layer do not hold, the search goes on with others, even
// if these are not fewer.
func TestCollapsed(t *testing.T) {
	t.Parallel()
	s := examined(t, 256, Options{})
	vain := anyChange(t, s)
	s.collapse = []candidate{vain}
	reached, err := s.collapsed(t.Context())
	if err != nil || !reached || s.collapse != nil || s.changed[vain.site] || len(s.result.Changes) == 0 || s.result.Locked.Quality > s.result.Target {
		t.Errorf("reached %v, error %v, changes %v to %v, target %v", reached, err, s.result.Changes, s.result.Locked.Quality, s.result.Target)
	}
}

// TestBudget: few samples are worth the work of more, and samples that take much of the work
// that is left shorten the list of candidates.
func TestBudget(t *testing.T) {
	t.Parallel()
	few, many := examined(t, 64, Options{}), examined(t, 512, Options{})
	each := float64(many.once) / 512
	for _, c := range []struct {
		s       *minimal
		samples float64
	}{{few, 256}, {many, 512}} {
		if got, want := c.s.budget(), 10*c.samples*each+1e12; math.Abs(got-want) > 1e-3*want-1e12*1e-3 {
			t.Errorf("%d samples: %v multiply-adds, want %v", c.s.samples.Len(), got, want)
		}
	}
	block := float64(many.blocks.list[0].truth.Shape[0]) * each
	for _, c := range []struct {
		blocks, needed float64
		want           int
	}{{math.Inf(1), 0, 48}, {4 * 6 * 20.5, 0, 20}, {4 * 6 * 20.5, 3, 20}, {8 * 6 * 20.5, 8, 20}, {0, 0, 12}} {
		many.work, many.needed = float64(many.meter.Work())+c.blocks*block, c.needed
		if got := many.breadth(); got != c.want {
			t.Errorf("work for %v blocks, %v rounds needed: %d candidates of a kind, want %d", c.blocks, c.needed, got, c.want)
		}
	}
}

// anyChange returns a change of the first tensor that may be changed.
func anyChange(t *testing.T, s *minimal) candidate {
	t.Helper()
	for _, name := range s.weights.Names() {
		if b, ok := s.bounds[name]; ok {
			return candidate{site: site{name, 0}, bound: b.high}
		}
	}
	t.Fatal("nothing may be changed")
	return candidate{}
}

// TestAsks: a score is asked for after 1, 2, 4, … blocks, and after the last.
func TestAsks(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{1: {0}, 6: {0, 1, 3, 5}, 8: {0, 1, 3, 7}} {
		b := &blocks{list: make([]*block, n)}
		var got []int
		for i := range n {
			if b.asks(i) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d blocks: asks after %v, want %v", n, got, want)
		}
	}
}

// TestPruneSpent: changes that are not needed stay if the work is done.
func TestPruneSpent(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{Target: 1})
	first := anyChange(t, s)
	second := first
	second.index++
	s.become([]candidate{first, second})
	for _, step := range []struct {
		left float64 // multiply-adds
		want int     // changes
	}{{0, 2}, {1e12, 1}} {
		s.work = float64(s.meter.Work()) + step.left
		if err := s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(s.result.Changes) != step.want {
			t.Errorf("with work for %v: %d changes", step.left, len(s.result.Changes))
		}
	}
}

// TestTogetherGrows: changes of which no two lower the objective make no set, however the first of
// them is rated. A set as large as before would be extended until the work is done.
func TestTogetherGrows(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{})
	if err := s.calibrate(t.Context(), 32); err != nil {
		t.Fatal(err)
	}
	one, other := anyChange(t, s), anyChange(t, s)
	start, err := s.blocks.objective()
	if err != nil {
		t.Fatal(err)
	}
	for _, gains := range [][2]float64{{-0.02, -0.03}, {0.0001, -0.03}} {
		one.gain, other.gain = gains[0], gains[1]
		joint, err := s.together(node{objective: start}, []candidate{one, other})
		if err != nil || joint != nil {
			t.Errorf("gains %v: %v, %v", gains, joint, err)
		}
	}
}
