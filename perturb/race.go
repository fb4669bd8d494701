package perturb

import (
	"math"
	"slices"
)

// raceWidth is the number of changes that stay in a race after the first block,
// finalists of those that stay until the end, or until there is no doubt.
const (
	raceWidth = 24
	finalists = 4
)

// runner is a change in a race; its gain is the mean of those on the blocks so far.
type runner struct {
	candidate
	gains []float64 // by block
}

// race tries changes for real and returns the k best, the best first: their gain
// is then the fall of the objective that they bring on all blocks. They are tried on
// one block, then on two, four and so on, and each time half of those that are left
// drop out, down to a few that differ by less than some samples can tell; of these
// drops out who is beaten beyond doubt. n counts the changes that were tried.
func (b *blocks) race(list []candidate, k int) (first []candidate, n int, err error) {
	field := make([]runner, len(list))
	for i, c := range list {
		field[i].candidate = c
	}
	width := raceWidth
	for done := 0; done < len(b.list); {
		next := min(max(1, 2*done), len(b.list))
		for i := range field {
			if err := field[i].run(b.list[done:next]); err != nil {
				return nil, len(list), err
			}
		}
		slices.SortStableFunc(field, func(a, b runner) int { return a.candidate.compare(b.candidate) })
		field = field[:min(len(field), max(width, finalists, k))]
		if len(field) > k {
			last := field[k-1]
			field = slices.DeleteFunc(field, func(r runner) bool { return r.beaten(&last) })
		}
		done, width = next, width/2
	}
	for _, r := range field[:min(k, len(field))] {
		first = append(first, r.candidate)
	}
	return first, len(list), nil
}

// run tries a change on more blocks.
func (r *runner) run(more []*block) error {
	sum := r.gain * float64(len(r.gains))
	if len(r.gains) == 0 {
		sum = 0 // the gain was an estimate
	}
	for _, one := range more {
		outputs, err := one.program.Try(r.tensor, r.index, r.value)
		if err != nil {
			return err
		}
		objective, err := one.loss(outputs, nil)
		if err != nil {
			return err
		}
		r.gains = append(r.gains, one.now-objective)
		sum += one.now - objective
	}
	r.gain = sum / float64(len(r.gains))
	return nil
}

// enough is the number of blocks whose differences tell how much they vary.
const enough = 4

// beaten reports whether a change is surely worse than another: by three standard
// errors of the difference, over the blocks that both were tried on.
func (r *runner) beaten(by *runner) bool {
	n := float64(len(r.gains))
	if n < enough {
		return false
	}
	mean, square := by.gain-r.gain, 0.0
	for i, g := range r.gains {
		d := by.gains[i] - g - mean
		square += d * d
	}
	return mean > 3*math.Sqrt(square/(n*(n-1)))
}
