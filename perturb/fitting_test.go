package perturb

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// TestLent: blocks that share a program, because their values do not fit into memory, have the
// same objective, gradients and gains as those that keep their values.
func TestLent(t *testing.T) {
	t.Parallel()
	_, set := demo(t, dataset.Train, 40)
	s := examined(t, 40, Options{})
	whole := s.blocks
	list, err := s.shortlist(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := whole.list[0].program.Kept()
	few, err := newBlocks(t.Context(), s.model, s.differentiated(), set, set.Len(), blockSize, 2*kept, s.opt.Task, s.lowered)
	if err != nil {
		t.Fatal(err)
	}
	if len(few.list) != len(whole.list) {
		t.Fatalf("%d blocks, want %d", len(few.list), len(whole.list))
	}
	own := 0
	for i, one := range few.list {
		if one.lent == nil {
			own++
			continue
		}
		if one.program == whole.list[i].program || one.program != few.list[len(few.list)-1].program {
			t.Errorf("block %d has a program of its own", i)
		}
	}
	if own != 2 {
		t.Errorf("%d blocks keep their values, want 2", own)
	}
	change := list[0]
	gradients := func(b *blocks) map[string][]float32 {
		out := map[string][]float32{}
		err := b.gradients(t.Context(), func(name string, g []float32) { out[name] = slices.Clone(g) })
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for round := range 2 {
		a, err := whole.objective()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := few.objective(); err != nil || a != b {
			t.Errorf("round %d: objective %v, %v, want %v", round, b, err, a)
		}
		want, got := gradients(whole), gradients(few)
		for name := range want {
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("round %d: other gradients by %s", round, name)
			}
		}
		first, _, err := whole.halve(t.Context(), slices.Clone(list), 3)
		if err != nil {
			t.Fatal(err)
		}
		second, _, err := few.halve(t.Context(), slices.Clone(list), 3)
		if err != nil || !slices.Equal(first, second) {
			t.Errorf("round %d: the best changes are %v, %v, want %v", round, second, err, first)
		}
		// All blocks are of the same weights, so that either set has to be told of a change.
		s.set(change.site, change.value) // of the blocks of s, which are whole
		for _, one := range few.list {
			one.stale = append(one.stale, whole.list[0].stale...)
		}
	}
}
