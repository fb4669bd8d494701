package perturb

import (
	"context"
	"math"
	"slices"
)

// Candidates kept by successive halving: firstKept after the first block, and at least
// lastKept until the end, unless one is clearly worse.
const (
	firstKept = 24
	lastKept  = 4
)

// trial is a candidate that has been evaluated on some blocks. Its gain is the mean of
// those on these blocks.
type trial struct {
	candidate
	gains []float64 // by block
	sum   float64   // of gains
}

// halve evaluates candidates and returns the k best, best first, by successive halving.
// It evaluates all of them on one block, then those that are left on two blocks, four,
// and so on. After each step it keeps half of them, and at least lastKept. It drops one earlier
// if that is worse than the k-th beyond doubt. It ends when no more than k are
// left. The gain of the candidates it returns is the mean fall of the objective over the
// blocks that they were evaluated on. n is the number of candidates evaluated.
func (b *blocks) halve(ctx context.Context, list []candidate, k int) (first []candidate, n int, err error) {
	kept := make([]trial, len(list))
	for i, c := range list {
		kept[i].candidate = c
	}
	width := firstKept
	if len(list) <= width {
		width = len(list) / 2
	}
	for done := 0; done < len(b.list) && (done == 0 || len(kept) > k); {
		next := min(max(1, 2*done), len(b.list))
		for _, one := range b.list[done:next] { // a block may have to be computed again
			for i := range kept {
				if err := ctx.Err(); err != nil {
					return nil, len(list), err
				}
				if err := kept[i].evaluate(one); err != nil {
					return nil, len(list), err
				}
			}
		}
		if b.step != nil {
			b.step()
		}
		slices.SortStableFunc(kept, func(a, b trial) int { return a.candidate.compare(b.candidate) })
		kept = kept[:min(len(kept), max(width, lastKept, k+1))]
		if len(kept) > k {
			last := kept[k-1]
			kept = slices.DeleteFunc(kept, func(t trial) bool { return t.worse(&last) })
		}
		done, width = next, width/2
	}
	for _, t := range kept[:min(k, len(kept))] {
		first = append(first, t.candidate)
	}
	return first, len(list), nil
}

// evaluate evaluates a candidate on one more block.
func (t *trial) evaluate(one *block) error {
	if err := one.settled(); err != nil {
		return err
	}
	outputs, err := one.try(t.site, t.value)
	if err != nil {
		return err
	}
	objective, err := one.loss(outputs, nil)
	if err != nil {
		return err
	}
	t.gains, t.sum = append(t.gains, one.now-objective), t.sum+one.now-objective
	t.gain = t.sum / float64(len(t.gains))
	return nil
}

// enough is the least number of blocks that a standard error is computed from.
const enough = 4

// worse reports whether a candidate is worse than another by two standard errors of
// the difference, over the blocks that both were evaluated on.
func (t *trial) worse(than *trial) bool {
	n := float64(len(t.gains))
	if n < enough {
		return false
	}
	mean, square := than.gain-t.gain, 0.0
	for i, g := range t.gains {
		d := than.gains[i] - g - mean
		square += d * d
	}
	return mean > 2*math.Sqrt(square/(n*(n-1)))
}
