package perturb

import (
	"slices"

	"github.com/advparams/advparams/task"
)

// A value at the very end of its tensor's range is the first that somebody looks
// for. Most changes do what they do some way before that.

// inward are the shares of the way back to the old value that are tried, the
// largest first.
var inward = []float64{0.5, 0.25, 0.125, 0.0625, 0.03}

// inside moves changed values into the range, one after the other, as far as the
// model stays as bad. The blocks decide how far; all samples whether it holds,
// and if it does not, the smallest move has a second chance.
func (s *minimal) inside() error {
	for _, shares := range [][]float64{inward, inward[len(inward)-1:]} {
		before := s.result
		before.Changes = slices.Clone(before.Changes)
		if err := s.moveInside(shares); err != nil {
			return err
		}
		ok, err := s.check()
		if ok || err != nil {
			return err
		}
		for i, c := range before.Changes {
			if s.result.Changes[i].New == c.New {
				continue
			}
			if err := s.set(site{c.Tensor, c.Index}, s.model.Lookup(c.Tensor).Decode(c.New)); err != nil {
				return err
			}
		}
		s.result = before
	}
	return nil
}

// moveInside moves values on the evidence of the blocks.
func (s *minimal) moveInside(shares []float64) error {
	now := s.opt.Task.NewTally()
	if _, err := s.blocks.count(now); err != nil {
		return err
	}
	// Half of what there is to the target is left for chance.
	limit := now.Score().Quality
	limit += max(0, s.targetFor(now.Score())-limit) / 2
	never := func(task.Score, int) bool { return false }
	for i, c := range s.result.Changes {
		init := s.model.Lookup(c.Tensor)
		from, to := init.Decode(c.New), s.original(c)
		for _, share := range shares {
			bits, err := init.Encode(from + float32(share)*(to-from))
			if err != nil || bits == c.New || bits == c.Old {
				continue
			}
			at, value := site{c.Tensor, c.Index}, init.Decode(bits)
			tally, _, _, err := s.blocks.with(at, value, never)
			if err != nil {
				return err
			}
			if tally.Score().Quality > limit {
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
