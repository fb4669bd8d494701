package batch

import (
	"fmt"
	"math"
)

// verdict says in a few words what became of a lock.
type verdict struct {
	Kind string // "good", "bad" or "" where it cannot be said
	Text string
	Rank int // worse verdicts first
}

const (
	// stillWorth is the share of the way from useless to the original above which a locked
	// model still has answers.
	stillWorth = 0.2
	// undone is the advantage of the best attack above which a lock counts as undone.
	undone = 0.05
)

// verdict judges a model by what verify and attack found.
func (r *Result) verdict() verdict {
	if r.State == Failed || r.State == Interrupted || r.State == Waiting {
		return verdict{"bad", "✗ not locked", 2}
	}
	if kept := r.kept(); kept > stillWorth {
		return verdict{"bad", fmt.Sprintf("✗ the lock failed: %.0f %% of the worth is left", 100*kept), 0}
	}
	if r.Attack != nil && r.Attack.Advantage != nil {
		points := 100 * *r.Attack.Advantage
		switch {
		case points > 100*undone:
			return verdict{"bad", fmt.Sprintf("✗ undone by %s: %+.1f points", r.Attack.BestAttack, points), 1}
		case points > 0:
			return verdict{"", fmt.Sprintf("an attack is ahead by %.1f points", points), 3}
		}
		return verdict{"good", "✓ locked, and withstood all attacks", 6}
	}
	if r.Verify != nil && r.Verify.Metric != nil {
		return verdict{"good", "✓ locked; not attacked", 5}
	}
	return verdict{"", "not measured", 4}
}

// kept returns how much of a model's worth the locked one has: 0 is useless, 1 the original.
func (r *Result) kept() float64 {
	if r.Verify == nil || r.Verify.Metric == nil {
		return 0
	}
	m := r.Verify.Metric
	original := m.Original
	if original == nil {
		original = m.Unlocked
	}
	if original == nil || m.Locked == nil || *original == m.Useless {
		return 0
	}
	kept := (*m.Locked - m.Useless) / (*original - m.Useless)
	if math.IsNaN(kept) || math.IsInf(kept, 0) {
		return 0
	}
	return kept
}
