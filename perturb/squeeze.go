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
		weak, err := s.weakest(ctx, n.list)
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

// weakest returns the changes of a list, those first without which the objective rises
// least.
func (s *minimal) weakest(ctx context.Context, list []candidate) ([]candidate, error) {
	s.become(list)
	undone := slices.Clone(list)
	for i := range undone {
		init := s.model.Weight(undone[i].tensor)
		undone[i].bits = init.Bits(undone[i].index)
		undone[i].value = init.Decode(undone[i].bits)
	}
	undone, n, err := s.blocks.halve(ctx, undone, min(len(undone), weakKept))
	s.result.Evaluations += n
	return undone, err
}

// weakKept is the number of weak changes that are told apart exactly.
const weakKept = 4

// The work that each attempt of squeeze may take: some runs over all samples, or some multiply-adds where
// these are quickly done.
const (
	squeezePasses = 0.75
	squeezeWork   = 5e9
)

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
	attempts := []func() (bool, error){func() (bool, error) { return s.shorter(ctx, s.outward(s.present())) }}
	thinner := func() (bool, error) { return s.thinner(ctx, s.outward(s.present())) }
	switch {
	case s.gradual:
		attempts[0] = thinner
	case len(s.result.Changes) >= manyChanges:
		attempts = append(attempts, thinner)
	}
	if s.opt.Task.Traits().Classes {
		attempts = append(attempts, func() (bool, error) { return s.otherwise(ctx, len(s.result.Changes)-1) })
	}
	for _, attempt := range attempts {
		s.end = s.meter.Work() + max(int64(squeezePasses*float64(s.once)), squeezeWork)
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

// otherwise is beam with the other objective.
func (s *minimal) otherwise(ctx context.Context, limit int) (found bool, err error) {
	s.without.Objective = !s.without.Objective
	defer func() {
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

// shorter makes changes that are at the target and one less than a list has, if it finds
// some. It takes two changes out of the list, the weakest
// ones first, and puts a new one in.
func (s *minimal) shorter(ctx context.Context, list []candidate) (found bool, err error) {
	weak, err := s.weakest(ctx, list)
	if err != nil {
		return false, err
	}
	whole := node{list: list}
	for j := 1; j < len(weak); j++ {
		for i := range j {
			left := whole.without(weak[i])
			if j == 1 {
				if found, _, err = s.acceptOne(ctx, []node{left}); found || err != nil {
					return found, err
				}
			}
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
