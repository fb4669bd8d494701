package perturb

import (
	"context"
	"slices"

	"github.com/advparams/advparams/task"
)

// A value at the very end of its tensor's range is the first that somebody looks
// for. Most changes do what they do some way before that.

// inward are the shares of the way back to the old value that are tried, the
// largest first.
var inward = []float32{0.3, 0.1, 0.03}

// inside moves changed values into the range, one after the other, as far as the
// blocks stay as bad; now is what they are worth before. It reports whether the
// model is then at the target; if not, all stays as it was.
func (s *minimal) inside(ctx context.Context, now task.Score, shares []float32) (reached bool, err error) {
	before := s.result
	before.Changes = slices.Clone(before.Changes)
	if err := s.moveInside(now, shares); err != nil || slices.Equal(s.result.Changes, before.Changes) {
		return false, err
	}
	t, n, err := s.count()
	if err != nil {
		return false, err
	}
	if reached, err = s.confirm(ctx, t, n); reached || err != nil {
		return reached, err
	}
	for i, c := range before.Changes {
		if s.result.Changes[i] != c {
			if err := s.set(site{c.Tensor, c.Index}, s.model.Lookup(c.Tensor).Decode(c.New)); err != nil {
				return false, err
			}
		}
	}
	s.result = before
	return false, nil
}

// moveInside moves values on the evidence of the blocks.
func (s *minimal) moveInside(now task.Score, shares []float32) error {
	for i, c := range s.result.Changes {
		init := s.model.Lookup(c.Tensor)
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
			if err := s.set(at, value); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// luck is how many answers more may be right on some of the blocks, when no more
// may be right on all of them.
const luck = 2

// better returns a function that tells whether a score on the first n samples of the
// blocks is surely better than the present one. It is for classifiers; others are
// compared on all.
func (s *minimal) better() (func(score task.Score, n int) bool, error) {
	if !s.opt.Task.Traits().Classes {
		return func(task.Score, int) bool { return false }, nil
	}
	right := map[int]float64{} // by the number of samples
	t, n := s.opt.Task.NewTally(), 0
	for _, one := range s.blocks.list {
		n += one.truth.Shape[0]
		if err := t.Add(one.outputs, one.truth); err != nil {
			return nil, err
		}
		right[n] = t.Score().Quality * float64(n)
	}
	return func(score task.Score, n int) bool { return score.Quality*float64(n) > right[n]+luck+0.5 }, nil
}
