package perturb

import "context"

// A search fits the samples that it chooses changes by. Near the target, where few of them are
// still answered, changes may do nothing but that. Other samples show it: they are no further
// from the useless after more changes. Then the last changes are taken back, and more samples
// choose.

// widening is how many times as many samples choose then, and wideShare the share of the work
// after which it is too late for that.
const (
	widening  = 4
	wideShare = 0.5
)

// fitting is the number of times that outputs agree better on other samples than on those that
// choose, from which on all changes so far count as nothing but fitted.
const fitting = 3

// widened returns the previous sets, to go on from with more samples, if the present one fits
// those that chose it; nil otherwise. The samples that did not choose are those that were last
// measured. Where outputs do nothing but fit, it begins from nothing.
func (s *minimal) widened(ctx context.Context, previous []node) ([]node, error) {
	if s.fair.Metrics == nil {
		return nil, nil // it is far from the target
	}
	excess := s.fair.Quality - s.targetFor(s.fair)
	outputs := s.opt.Task.Traits().AllOutputs
	fitted := outputs && s.fair.Quality > fitting*s.chosen
	if excess < s.fairest && !fitted {
		s.fairest = excess
		return nil, nil
	}
	chosen := s.blocks.samples()
	n := min(widening*chosen, s.samples.Len()/2)
	least := 2 * chosen
	if outputs { // few samples judge these
		n, least = min(widening*chosen, mostChosen(s.samples.Len())), chosen*5/4
	}
	if n < least || s.share() > wideShare {
		return nil, nil
	}
	if fitted {
		previous = []node{{}}
	}
	s.become(previous[0].list)
	if err := s.calibrate(ctx, n); err != nil {
		return nil, err
	}
	return previous, s.measured(previous)
}

// mostChosen is the number of samples that may choose changes, of few, n: the others tell whether the
// changes hold. On 16 samples numbers agree by luck as a model does that is a third right.
func mostChosen(n int) int { return min(n-minAnswers, n*3/4) }

// samples returns the number of samples in the blocks.
func (b *blocks) samples() (n int) {
	for _, one := range b.list {
		n += one.truth.Shape[0]
	}
	return n
}
