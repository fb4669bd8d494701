package perturb

import (
	"math"
	"testing"

	"github.com/advparams/advparams/task"
)

// TestRename: what renaming gives back is part of the objective once a set of changes near the
// target is undone by it, and no longer in the next attempt.
func TestRename(t *testing.T) {
	t.Parallel()
	s := examined(t, 256, Options{})
	tally, _, _, err := s.count(func(task.Score, int) bool { return false }) // the intact model: every answer stands for itself
	if err != nil {
		t.Fatal(err)
	}
	plain, err := s.blocks.objective()
	if err != nil {
		t.Fatal(err)
	}
	objective := func() float64 {
		t.Helper()
		now, err := s.blocks.objective()
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	for _, c := range []struct {
		quality, translated, target float64
		named                       bool
	}{
		{0.5, 0.4, 0, false},    // far from the target
		{0.1, 0.05, 0, false},   // renaming gives little back
		{0.1, 0.4, 0.12, false}, // a target that the user chose does not ask for it
		{0.1, 0.4, 0, true},
		{0.1, 0.05, 0, true}, // names change with the model from there on
	} {
		s.opt.Target, s.result.Target = c.target, 0.12
		s.result.Locked = task.Score{Quality: c.quality, Translated: c.translated}
		s.misnamed(tally)
		level := []node{{objective: plain}}
		named, err := s.rename(level)
		if err != nil || named != c.named {
			t.Fatalf("%+v: renamed %v, %v", c, named, err)
		}
		if now := objective(); now != level[0].objective || named != (now > 1.5*plain) {
			t.Errorf("%+v: objective %v, of the set %v, before %v", c, now, level[0].objective, plain)
		}
	}
	if err := s.plainNames(); err != nil {
		t.Fatal(err)
	}
	if now := objective(); math.Abs(now-plain) > 1e-12 {
		t.Errorf("objective %v in the next attempt, want %v", now, plain)
	}
}
