package perturb

import (
	"context"
	"errors"
	"slices"
)

// A greedy search keeps what it chose first, which may be worth little beside what it
// chose later. Exchanging changes finds sets that are better, and shorter ones.

// exchanges is the number of changes that are exchanged when a set comes near the target.
const exchanges = 2

// descend exchanges changes of a set for better ones, the weakest first, until none of a
// number of attempts in turn lowers the objective.
func (s *minimal) descend(ctx context.Context, n node, attempts int) (better node, improved bool, err error) {
	s.become(n.list)
	if n.objective, err = s.blocks.objective(); err != nil {
		return n, false, err
	}
	for failed := 0; failed < min(attempts, len(n.list)); {
		weak, err := s.weakest(ctx, n.list, weakKept, len(s.blocks.list))
		if err != nil {
			return n, improved, err
		}
		for _, c := range weak {
			if failed >= attempts {
				break
			}
			next, err := s.exchanged(ctx, n, c)
			if err != nil {
				return n, improved, err
			}
			if next != nil {
				n, improved, failed = *next, true, 0
				break
			}
			failed++
		}
	}
	return n, improved, nil
}

// exchanged returns a set with the best other change in place of one; nil if that does not
// lower the objective.
func (s *minimal) exchanged(ctx context.Context, n node, c candidate) (*node, error) {
	next, err := s.expand(ctx, []node{n.without(c)}, 1, 1)
	if err != nil || len(next) == 0 {
		return nil, err
	}
	better := next[0]
	if identity(better.list) == identity(n.list) {
		return nil, nil
	}
	s.become(better.list)
	if better.objective, err = s.blocks.objective(); err != nil || better.objective >= n.objective {
		return nil, err
	}
	return &better, nil
}

// without returns the set without a change.
func (n *node) without(c candidate) node {
	return node{list: slices.DeleteFunc(slices.Clone(n.list), func(d candidate) bool { return d.site == c.site })}
}

// weakest returns changes of a list, about k of them, those first without which the objective
// rises least on the first blocks.
func (s *minimal) weakest(ctx context.Context, list []candidate, k, blocks int) ([]candidate, error) {
	s.become(list)
	undone := slices.Clone(list)
	for i := range undone {
		init := s.model.Weight(undone[i].tensor)
		undone[i].bits = init.Bits(undone[i].index)
		undone[i].value = init.Decode(undone[i].bits)
	}
	some := *s.blocks
	some.list = some.list[:min(len(some.list), blocks)]
	undone, n, err := some.halve(ctx, undone, min(len(undone), k))
	s.result.Evaluations += n
	return undone, err
}

// weakKept is the number of weak changes that are told apart exactly, and fewBlocks that of
// blocks which tell where what comes of it is measured at once.
const (
	weakKept  = 4
	fewBlocks = 8
)

// The work that each attempt of squeeze may take: some runs over all samples, or some multiply-adds where
// these are quickly done.
const (
	squeezePasses = 0.75
	squeezeWork   = 2.5e9
)

// squeezing returns that work.
func (s *minimal) squeezing() float64 { return max(squeezePasses*float64(s.once), squeezeWork) }

// inVain is the number of times that work at which it is not worth while to begin a search anew.
const inVain = 2

// fewChanges is a number of changes with which a search anew is not worth its work either: where two
// are enough for a model, exchanges of three find them.
const fewChanges = 3

// manyChanges is the number of changes from which it pays to exchange several at a time by the
// gradient as well.
const manyChanges = 8

// errSpent ends a search whose work is limited.
var errSpent = errors.New("the work is done")

// spent returns an error if a part of the search is to end.
func (s *minimal) spent(ctx context.Context) error {
	if s.end > 0 && s.meter.Work() >= s.end {
		return errSpent
	}
	return ctx.Err()
}

// squeeze looks for a set with fewer changes that is at the target, as far as the work
// allows: by exchanges, as long as these find one, by the gradient where there are many, and
// then by another search, which raises the loss that the model was trained with. Which
// objective finds the shorter list differs by model.
func (s *minimal) squeeze(ctx context.Context) error {
	defer func() { s.end = 0 }()
	attempt := func(f func(context.Context, []candidate) (bool, error)) func() (bool, error) {
		return func() (bool, error) { return f(ctx, s.outward(s.present())) }
	}
	attempts := []func() (bool, error){attempt(s.fewer)}
	switch {
	case s.gradual:
		attempts = []func() (bool, error){attempt(s.thinner)}
	case len(s.result.Changes) >= manyChanges:
		attempts = append(attempts, attempt(s.thinner))
	}
	if n := len(s.result.Changes); s.opt.Task.Traits().Classes && n > fewChanges && float64(n-1)*s.took.each() < inVain*s.squeezing() {
		attempts = append(attempts, func() (bool, error) { return s.otherwise(ctx, len(s.result.Changes)-1) })
	}
	for _, attempt := range attempts {
		s.end = s.meter.Work() + int64(s.squeezing())
		if s.gradual {
			s.end = int64(thinned * s.work) // which is worth more there than a search anew
		}
		if s.share() >= 1 {
			return nil
		}
		for found := true; found && len(s.result.Changes) > 1; {
			var err error
			if found, err = attempt(); err != nil && !errors.Is(err, errSpent) {
				return err
			}
			if found && err == nil {
				s.keep()
			}
			found = found && err == nil
			s.restore(*s.reached)
		}
	}
	return nil
}

// otherwise is beam with the other objective, and by the gradient alone, so that it begins elsewhere.
func (s *minimal) otherwise(ctx context.Context, limit int) (found bool, err error) {
	shift := s.without.Shift
	s.without.Objective, s.without.Shift = !s.without.Objective, true
	defer func() {
		s.without.Shift = shift
		s.without.Objective = !s.without.Objective
		err = errors.Join(err, s.blocks.measure(s.lowered))
	}()
	if err := s.blocks.measure(s.lowered); err != nil {
		return false, err
	}
	s.become(nil)
	return s.beam(ctx, limit)
}

// outward returns a list with all values at the ends of their ranges, where they do most.
func (s *minimal) outward(list []candidate) []candidate {
	list = slices.Clone(list)
	for i, c := range list {
		r, init := s.bounds[c.tensor], s.model.Weight(c.tensor)
		list[i].bound = r.low
		if c.value > init.Decode(init.Bits(c.index)) {
			list[i].bound = r.high
		}
	}
	return list
}

// fewer makes fewer changes that are at the target, if it finds some. It first leaves out the
// weakest of a list, as many as can be missed: changes that were added several at a time are
// often more than are needed. If there are none, it takes two out and puts a new one in.
func (s *minimal) fewer(ctx context.Context, list []candidate) (found bool, err error) {
	weak, err := s.weakest(ctx, list, max(weakKept, len(list)/2), fewBlocks)
	if err != nil {
		return false, err
	}
	for k := min(len(weak), len(list)/2); k > 0 && !found; k /= 2 {
		left := node{list: list}
		for _, c := range weak[:k] {
			left = left.without(c)
		}
		if found, _, err = s.acceptOne(ctx, []node{left}); err != nil {
			return false, err
		}
	}
	if found {
		return true, nil
	}
	return s.shorter(ctx, list, weak[:min(weakKept, len(weak))])
}

// shorter makes changes that are at the target and one less than a list has, if it finds
// some. It takes two weak changes out of the list, the weakest ones first, and puts a new
// one in.
func (s *minimal) shorter(ctx context.Context, list, weak []candidate) (found bool, err error) {
	whole := node{list: list}
	for j := 1; j < len(weak); j++ {
		for i := range j {
			left := whole.without(weak[i])
			level, err := s.expand(ctx, []node{left.without(weak[j])}, 2, 1)
			if err != nil || len(level) == 0 {
				return false, err
			}
			found, near, err := s.acceptOne(ctx, level)
			if found || err != nil {
				return found, err
			}
			if !near {
				continue
			}
			better, improved, err := s.descend(ctx, level[0], exchanges)
			if err != nil {
				return false, err
			}
			if !improved {
				continue
			}
			if found, _, err = s.acceptOne(ctx, []node{better}); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}
