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

// inside moves all changed values off the ends of their ranges, as far as the quality on
// the blocks does not rise above now. It reports whether the model is at the target
// afterwards; if not, it undoes the moves, and returns the score with them if there were any.
// It tries shorter moves after one that misses the target by at most the given quality; none if that
// is 0.
func (s *minimal) inside(ctx context.Context, now task.Score, shorter float64) (reached bool, missed *task.Score, err error) {
	before := s.result
	before.Changes = slices.Clone(before.Changes)
	better, err := s.better()
	if err != nil {
		return false, nil, err
	}
	for _, share := range inward {
		if !s.move(before.Changes, share) {
			break
		}
		t, n, stopped, err := s.count(better)
		if err != nil {
			return false, nil, err
		}
		if stopped || t.Score().Quality > now.Quality {
			continue
		}
		if reached, err = s.confirm(ctx, s.identity(), t, n); reached || err != nil {
			return reached, nil, err
		}
		score := s.result.Locked
		missed = &score
		if shorter == 0 || score.Quality > s.targetFor(score)+shorter {
			break
		}
	}
	for _, c := range before.Changes {
		s.set(site{c.Tensor, c.Index}, s.model.Weight(c.Tensor).Decode(c.New))
	}
	s.result = before
	return false, missed, nil
}

// move moves changed values by a share of the way back to the old ones. It reports whether
// any moved: those of few bits may not.
func (s *minimal) move(changes []Change, share float32) (moved bool) {
	for i, c := range changes {
		init := s.model.Weight(c.Tensor)
		from, to := init.Decode(c.New), s.original(c)
		bits, err := init.Encode(from + share*(to-from))
		if err != nil || bits == c.Old {
			bits = c.New
		}
		moved = moved || bits != c.New
		s.result.Changes[i].New = bits
		s.set(site{c.Tensor, c.Index}, init.Decode(bits))
	}
	return moved
}

// luck is the number of additional right answers that some of the blocks may have by
// chance, when all of the blocks together have none.
const luck = 2

// better returns a function that reports whether a score on the first n samples of the
// blocks is better than the present one beyond doubt. For tasks other than
// classification it always returns false, so that all samples are compared.
func (s *minimal) better() (func(score task.Score, n int) bool, error) {
	if !s.opt.Task.Traits().Classes {
		return func(task.Score, int) bool { return false }, nil
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
