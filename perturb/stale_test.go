package perturb

import (
	"slices"
	"testing"
)

// TestRoundAgain: a set of changes that was extended before is not evaluated again, until the
// objective is another.
func TestRoundAgain(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{})
	first, err := s.round(t.Context(), 1)
	if err != nil || len(first) == 0 {
		t.Fatalf("%v, %v", first, err)
	}
	s.become(first)
	second, err := s.round(t.Context(), 1)
	if err != nil || len(second) == 0 || second[0].site == first[0].site {
		t.Fatalf("%v after %v, %v", second, first, err)
	}
	s.become(nil)
	evaluations, work := s.result.Evaluations, s.meter.Work()
	again, err := s.round(t.Context(), 1)
	if err != nil || !slices.Equal(again, first) {
		t.Errorf("%v the second time, %v before, %v", again, first, err)
	}
	if s.result.Evaluations != evaluations || s.meter.Work() != work {
		t.Errorf("%d evaluations and %d multiply-adds more", s.result.Evaluations-evaluations, s.meter.Work()-work)
	}
	if err := s.blocks.measure(s.lowered); err != nil {
		t.Fatal(err)
	}
	if _, err := s.round(t.Context(), 1); err != nil || s.result.Evaluations == evaluations {
		t.Errorf("nothing was evaluated by another objective, %v", err)
	}
}

// TestReturned: a block is computed again for a set of changes, and not for one that was made and
// taken back in between. Forks share the forms of weights: the block that has not seen the change
// has those without it.
func TestReturned(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{})
	before, err := s.blocks.objective()
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.shortlist(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := s.blocks.list[len(s.blocks.list)-1]
	for _, c := range list {
		work := s.meter.Work()
		s.become([]candidate{c})
		s.become(nil)
		if now, err := s.blocks.objective(); err != nil || now != before {
			t.Fatalf("%v: objective %v, not %v, %v", c.site, now, before, err)
		}
		if s.meter.Work() != work {
			t.Errorf("%v: %d multiply-adds for nothing", c.site, s.meter.Work()-work)
		}
		want, err := last.try(list[0].site, list[0].value)
		if err != nil {
			t.Fatal(err)
		}
		was := slices.Clone(want[0].Float32s())
		s.become([]candidate{c})
		if err := s.blocks.list[0].settled(); err != nil {
			t.Fatal(err)
		}
		s.become(nil)
		got, err := last.try(list[0].site, list[0].value)
		if err != nil || !slices.Equal(got[0].Float32s(), was) {
			t.Errorf("%v, made and taken back, changes what another change does, %v", c.site, err)
		}
		if _, err := s.blocks.objective(); err != nil {
			t.Fatal(err)
		}
	}
}
