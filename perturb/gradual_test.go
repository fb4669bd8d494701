package perturb

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/task"
)

// TestGradual: a search by the gradient alone reaches the target on the samples of its blocks,
// and thinning it out leaves fewer changes that do.
func TestGradual(t *testing.T) {
	t.Parallel()
	s := examined(t, 128, Options{})
	s.gradual = true
	reached, err := s.beam(t.Context(), 100)
	if !reached || err != nil {
		t.Fatalf("reached %v, error %v, %v", reached, err, s.result.Locked)
	}
	n := len(s.result.Changes)
	if n < 4 || s.result.Evaluations > 0 {
		t.Errorf("%d changes, %d evaluations", n, s.result.Evaluations)
	}
	for range n {
		found, err := s.thinner(t.Context(), s.outward(s.present()))
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
		if len(s.result.Changes) >= n || s.result.Locked.Quality > s.result.Target {
			t.Fatalf("%d of %d changes, %v", len(s.result.Changes), n, s.result.Locked)
		}
		n = len(s.result.Changes)
	}
	if n >= 4 {
		t.Errorf("%d changes are left; two are enough", n)
	}
}

// TestYieldsGradually: the more changes are still to come, the sooner the gradient alone decides.
func TestYieldsGradually(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		task   task.Task
		beam   int
		n      int
		needed float64
		want   bool
	}{
		{task.Classification{}, 1, 0, 100, false}, // nothing is known yet
		{task.Classification{}, 1, 1, 31, false}, {task.Classification{}, 1, 1, 33, true},
		{task.Classification{}, 1, 2, 21, false}, {task.Classification{}, 1, 2, 22, true},
		{task.Classification{}, 1, 3, 16, false}, {task.Classification{}, 1, 3, 17, true},
		{task.Classification{}, 1, 50, 16, false}, {task.Classification{}, 1, 50, 17, true},
		{task.Classification{}, 4, 1, 100, false}, // several sets are compared exactly
		{task.Language{}, 1, 1, 64, false}, {task.Language{}, 1, 1, 65, true}, {task.Language{}, 1, 3, 33, false},
		{task.Regression{}, 1, 1, 64, false}, {task.Regression{}, 1, 1, 65, true}, {task.Regression{}, 1, 2, 65, false},
	} {
		s := &minimal{search: &search{opt: Options{Task: c.task, Beam: c.beam}}, needed: c.needed}
		if got := s.yieldsGradually(c.n); got != c.want {
			t.Errorf("%s, %d sets, %d changes, %v needed: %v", c.task.Name(), c.beam, c.n, c.needed, got)
		}
	}
}

// TestSwap: exchanges lower the objective and leave as many changes, each at a place of its
// own.
func TestSwap(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{})
	now, err := s.slopes(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	poor := node{list: now.more[52:60]}
	s.become(poor.list)
	before, err := s.blocks.sampled()
	if err != nil {
		t.Fatal(err)
	}
	better, err := s.swap(t.Context(), poor)
	if err != nil || better.objective >= before || len(better.list) != len(poor.list) {
		t.Fatalf("%d changes, objective %v, %v before, error %v", len(better.list), better.objective, before, err)
	}
	if got, err := s.blocks.sampled(); err != nil || got != better.objective {
		t.Errorf("the objective is %v, %v, and not %v", got, err, better.objective)
	}
	for i, c := range better.list {
		if slices.ContainsFunc(better.list[:i], func(d candidate) bool { return c.site == d.site }) {
			t.Errorf("%v twice", c.site)
		}
	}
}

// TestStride: gradual rounds add more changes as more are needed and as the work runs out.
func TestStride(t *testing.T) {
	for _, c := range []struct {
		n             int
		needed, share float64
		want          int
	}{{0, 20, 0, 4}, {0, 200, 0, 6}, {0, 3000, 0, 8}, {80, 3000, 0, 20}, {80, 20, 0.7, 40}} {
		if got := stride(c.n, c.needed, c.share); got != c.want {
			t.Errorf("stride(%d, %v, %v) is %d, want %d", c.n, c.needed, c.share, got, c.want)
		}
	}
}
