package task

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestJoint(t *testing.T) {
	for name, c := range map[string]struct {
		joint       Joint
		information float64
	}{
		"nothing":     {Joint{}, 0},
		"right":       {Joint{{0, 0}: 5, {1, 1}: 5}, 1},
		"exchanged":   {Joint{{0, 1}: 5, {1, 0}: 5}, 1},
		"one answer":  {Joint{{2, 0}: 3, {2, 1}: 3, {2, 2}: 3}, 0},
		"independent": {Joint{{0, 0}: 1, {0, 1}: 3, {1, 0}: 1, {1, 1}: 3}, 0},
		// All labels are as frequent, so that they have log2 3 bits; the first answer
		// leaves 1.5 of them in 8 samples of 12, the second 1 in 4.
		"in part": {Joint{{0, 0}: 4, {0, 1}: 2, {0, 2}: 2, {1, 1}: 2, {1, 2}: 2}, math.Log2(3) - (8*1.5+4)/12},
	} {
		if got := c.joint.Information(); math.Abs(got-c.information) > 1e-12 {
			t.Errorf("%s: %v bits, want %v", name, got, c.information)
		}
	}
}

// TestTranslated: answers that only have other names are found out, blind ones are
// not taken for it.
func TestTranslated(t *testing.T) {
	const n, classes = 400, 20
	rng := rand.New(rand.NewPCG(1, 2))
	renamed, blind, one := NewHalves(), NewHalves(), NewHalves()
	for i := range n {
		label := rng.IntN(classes)
		renamed.Add(i, (label+3)%classes, label)
		blind.Add(i, rng.IntN(classes), label)
		one.Add(i, 7, label)
	}
	if got := renamed.Translated(); got < 0.85 {
		t.Errorf("renamed answers: %v", got)
	}
	if got := blind.Translated(); got > 0.05 {
		t.Errorf("blind answers: %v", got)
	}
	if got := one.Translated(); got != 0 {
		t.Errorf("one answer: %v", got)
	}
	if got := NewHalves().Translated(); got != 0 {
		t.Errorf("no samples: %v", got)
	}
}
