package perturb

import (
	"context"
	"slices"

	"github.com/advparams/advparams/task"
)

// A value at the very end of its tensor's range is what somebody who looks for changes
// looks for first. Most changes do as much harm some way before the end.

// inward are the shares of the way back to the old value that are tried, largest first.
var inward = []float32{0.3, 0.1, 0.03}

// inside moves changed values off the ends of their ranges, one after the other, as far
// as the quality on the blocks does not rise above now. It reports whether the model is
// at the target afterwards; if not, it undoes the moves.
func (s *minimal) inside(ctx context.Context, now task.Score, shares []float32) (reached bool, err error) {
	before := s.result
	before.Changes = slices.Clone(before.Changes)
	if err := s.moveInside(now, shares); err != nil || slices.Equal(s.result.Changes, before.Changes) {
		return false, err
	}
	t, n, _, err := s.count(never)
	if err != nil {
		return false, err
	}
	if reached, err = s.confirm(ctx, t, n); reached || err != nil {
		return reached, err
	}
	for i, c := range before.Changes {
		if s.result.Changes[i] != c {
			s.set(site{c.Tensor, c.Index}, s.model.Weight(c.Tensor).Decode(c.New))
		}
	}
	s.result = before
	return false, nil
}

// moveInside moves values as far as the blocks allow.
func (s *minimal) moveInside(now task.Score, shares []float32) error {
	for i, c := range s.result.Changes {
		init := s.model.Weight(c.Tensor)
		from, to := init.Decode(c.New), s.original(c)
		better, err := s.better()
		if err != nil {
			return err
		}
		for _, share := range shares {
			bits, err := init.Encode(from + share*(to-from))
			if err != nil || bits == c.New || bits == c.Old {
				continue
			}
			at, value := site{c.Tensor, c.Index}, init.Decode(bits)
			t, _, stopped, err := s.blocks.with(at, value, better)
			if err != nil {
				return err
			}
			if stopped || t.Score().Quality > now.Quality {
				continue
			}
			s.result.Changes[i].New = bits
			s.set(at, value)
			break
		}
	}
	return nil
}

// luck is the number of additional right answers that some of the blocks may have by
// chance, when all of the blocks together have none.
const luck = 2

// never is for tallies that do not stop early.
func never(task.Score, int) bool { return false }

// better returns a function that reports whether a score on the first n samples of the
// blocks is better than the present one beyond doubt. For tasks other than
// classification it always returns false, so that all samples are compared.
func (s *minimal) better() (func(score task.Score, n int) bool, error) {
	if !s.opt.Task.Traits().Classes {
		return never, nil
	}
	right := map[int]float64{} // by the number of samples
	t := s.opt.Task.NewTally()
	_, _, err := s.blocks.count(t, func(score task.Score, n int) bool {
		right[n] = score.Quality * float64(n)
		return false
	})
	if err != nil {
		return nil, err
	}
	return func(score task.Score, n int) bool { return score.Quality*float64(n) > right[n]+luck+0.5 }, nil
}
