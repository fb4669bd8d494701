package perturb

import (
	"cmp"
	"context"
	"slices"
)

// Some models yield to no single change: each of the best does a hundredth of what is
// needed, as in transformers whose weights all have the same narrow range. To tell such
// changes apart exactly takes many samples and is not worth it, because small changes add up
// as the gradient says. These models are changed gradually, by the gradient alone.

// A search that expects to need so many changes more goes on by the gradient alone: gradually after
// its first change, and graduallyLater from the third on, when it knows better. For other tasks than
// classification, exact evaluation finds shorter lists as a rule: only the first change decides
// there, and only if it promises next to nothing.
const (
	gradually       = 32
	graduallyLater  = 16
	graduallyOthers = 64
)

// gradualRounds is the number of rounds that a gradual search plans to take.
const gradualRounds = 30

// yieldsGradually reports whether a search that has made n changes is to go on by the gradient
// alone.
func (s *minimal) yieldsGradually(n int) bool {
	switch {
	case n == 0 || s.opt.Beam > 1 || s.without.Evaluation:
		return false
	case !s.opt.Task.Traits().Classes:
		return n == 1 && s.needed > graduallyOthers
	}
	return s.needed > max(graduallyLater, 2*gradually/float64(n+1))
}

// keptPromise is the share of the fall that the last rounds promise which a gradual round has
// to reach.
const keptPromise = 0.5

// thinned is the share of the work at which a gradual search no longer looks for fewer changes.
const thinned = 0.85

// slopes are what the gradient says about changes.
type slopes struct {
	more []candidate // changes to make, the best first
	made []candidate // changes that are made; the gain is what they contribute, the least first
}

// slopes returns the best k changes to make, and all that are made.
func (s *minimal) slopes(ctx context.Context, k int) (slopes, error) {
	present := map[string][]candidate{}
	for _, c := range s.present() {
		present[c.tensor] = append(present[c.tensor], c)
	}
	var out slopes
	err := s.blocks.gradients(ctx, func(name string, g []float32) {
		a, _ := s.weights.Array(name)
		out.more = append(out.more, s.scores(name, a.Float32s(), g)...)
		init := s.model.Weight(name)
		for _, c := range present[name] {
			c.gain = float64(g[c.index]) * float64(init.Decode(init.Bits(c.index))-c.value)
			out.made = append(out.made, c)
		}
	})
	s.result.GradientPasses++
	out.more = best(out.more, k)
	slices.SortStableFunc(out.made, func(a, b candidate) int { return cmp.Compare(a.gain, b.gain) })
	return out, err
}

// stride returns the number of changes that a gradual round adds after n, with needed ones to
// come: a few, since the gradient changes with them, but not so few that the work is done
// before the target is reached. share is that of the work which is done.
func stride(n int, needed, share float64) int {
	k := min(max(4, int(needed/gradualRounds)), max(8, n/4))
	if share > 0.6 {
		k = max(k, n/2)
	}
	return k
}

// step returns the set with the best k changes more, by the gradient; nil if they do not
// lower the objective as the last rounds promise.
func (s *minimal) step(ctx context.Context, n node, k int) (*node, error) {
	if err := s.spent(ctx); err != nil {
		return nil, err
	}
	s.become(n.list)
	before, err := s.blocks.sampled()
	if err != nil {
		return nil, err
	}
	now, err := s.slopes(ctx, k)
	if err != nil || len(now.more) == 0 {
		return nil, err
	}
	next := node{list: slices.Concat(n.list, now.more)}
	s.become(next.list)
	if next.objective, err = s.blocks.sampled(); err != nil {
		return nil, err
	}
	promised := before * float64(k) / max(s.needed, float64(k))
	if s.needed == 0 {
		promised = 0 // the last round said nothing
	}
	if fall := before - next.objective; fall <= 0 || fall < keptPromise*promised {
		return nil, nil
	}
	return &next, nil
}

// swap exchanges changes of a set for those that the gradient says do more, several at a
// time, for as long as that lowers the objective.
func (s *minimal) swap(ctx context.Context, n node) (better node, err error) {
	s.become(n.list)
	if n.objective, err = s.blocks.sampled(); err != nil {
		return n, err
	}
	for k := max(1, len(n.list)/4); k > 0; {
		if err := s.spent(ctx); err != nil {
			return n, err
		}
		s.become(n.list)
		now, err := s.slopes(ctx, k)
		if err != nil {
			return n, err
		}
		for ; k > 0; k /= 2 {
			next := node{list: slices.Clone(n.list)}
			for i := range min(k, len(now.more), len(now.made)) {
				if now.more[i].gain > now.made[i].gain {
					next = next.without(now.made[i])
					next.list = append(next.list, now.more[i])
				}
			}
			s.become(next.list)
			if next.objective, err = s.blocks.sampled(); err != nil {
				return n, err
			}
			if next.objective < n.objective-progress/4 {
				n = next
				break
			}
		}
	}
	s.become(n.list)
	return n, nil
}

// thinner makes fewer changes that are at the target, if it finds some: without the weakest
// of a list, and with others in place of those that are then weak.
func (s *minimal) thinner(ctx context.Context, list []candidate) (found bool, err error) {
	s.become(list)
	now, err := s.slopes(ctx, 1)
	if err != nil {
		return false, err
	}
	for k := max(1, len(list)/8); k > 0; k /= 2 {
		left := node{list: slices.Clone(list)}
		for _, c := range now.made[:min(k, len(now.made))] {
			left = left.without(c)
		}
		s.become(left.list)
		if left.objective, err = s.blocks.sampled(); err != nil {
			return false, err
		}
		if left, err = s.swap(ctx, left); err != nil {
			return false, err
		}
		if found, _, err = s.acceptOne(ctx, []node{left}); found || err != nil {
			return found, err
		}
	}
	return false, nil
}
