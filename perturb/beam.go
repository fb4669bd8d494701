package perturb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/task"
)

// node is a set of changes with the objective that the blocks have with them, as far as
// it is known.
type node struct {
	list      []candidate
	objective float64
}

// beam is a beam search: it extends the best few sets of changes by one change at a time
// until a set reaches the target. When a set comes near the target, beam first exchanges
// changes.
func (s *minimal) beam(ctx context.Context, limit int) (reached bool, err error) {
	if err := s.plainNames(); err != nil {
		return false, err
	}
	start, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	s.fairest = math.Inf(1)
	level, watch := []node{{objective: start}}, plateau{lowest: start}
	s.needed = 0
	again := func(from []node) { level, s.needed, watch = from, 0, plateau{lowest: from[0].objective} }
	if len(s.seed) > 0 && limit > 0 {
		level, s.seed = s.seed, nil
	}
	for len(level[0].list) < limit {
		if s.share() >= 1 && !s.prolong() {
			s.done = true
			break
		}
		n, now := len(level[0].list), level[0].objective
		next, err := s.extend(ctx, level, limit)
		if err != nil {
			return false, err
		}
		if len(next) == 0 {
			s.stuck = true
			break
		}
		previous := level
		level = next
		s.needed = outlook(now, level[0].objective, s.result.Target, len(level[0].list)-n)
		done, near, err := s.acceptOne(ctx, level)
		if done || err != nil {
			return done, err
		}
		named, err := s.rename(level)
		if err != nil {
			return false, err
		}
		if named {
			again(level)
		}
		wider, err := s.widened(ctx, previous)
		if err != nil {
			return false, err
		}
		if wider != nil {
			again(wider)
			continue
		}
		s.best = level[0].list
		if s.collapse != nil && s.opt.Task.Traits().NextTokens && len(level[0].list) > 1 && float64(len(level[0].list))+s.needed > farOff*float64(limit) {
			break // the last layer alone is better
		}
		if watch.flat(level[0].objective) {
			s.stuck = true
			break
		}
		if near {
			better, improved, err := s.improved(ctx, level[0])
			if err != nil {
				return false, err
			}
			if improved {
				if done, _, err = s.acceptOne(ctx, []node{better}); done || err != nil {
					return done, err
				}
				if wider, err = s.widened(ctx, level); err != nil {
					return false, err
				}
				if level = []node{better}; wider != nil {
					again(wider)
				}
			}
		}
	}
	s.become(level[0].list)
	return false, nil
}

// extend returns the best sets with more changes.
func (s *minimal) extend(ctx context.Context, level []node, limit int) ([]node, error) {
	n := level[0]
	if made := len(n.list); made == 1 { // a new attempt decides anew
		s.gradual = s.yieldsGradually(made)
	} else {
		s.gradual = s.gradual || s.yieldsGradually(made)
	}
	if s.gradual {
		next, err := s.step(ctx, n, min(stride(len(n.list), s.needed, s.share()), limit-len(n.list)))
		if err != nil {
			return nil, err
		}
		if next != nil {
			return []node{*next}, nil
		}
	}
	return s.expand(ctx, level, s.opt.Beam, min(s.pace(len(n.list), limit-len(n.list)), limit-len(n.list)))
}

// improved exchanges changes of a set that is near the target.
func (s *minimal) improved(ctx context.Context, n node) (better node, improved bool, err error) {
	if s.gradual {
		better, err = s.swap(ctx, n)
		return better, better.objective < n.objective, err
	}
	if s.end == 0 { // another change may cost less than many exchanges
		began := s.meter.Work()
		s.end = began + int64(s.forExchanges())
		if s.end <= began { // not even one would come to its end
			s.end = 0
			return n, false, nil
		}
		defer func() {
			s.exchanging += float64(s.meter.Work() - began)
			s.end = 0
		}()
	}
	if better, improved, err = s.descend(ctx, n, exchanges); errors.Is(err, errSpent) {
		err = nil
	}
	return better, improved, err
}

// forExchanges returns the work after which no exchange is to begin, so that the last one comes to
// its end within what exchanges may take. The first one may begin in any case.
func (s *minimal) forExchanges() float64 {
	each := s.took.each()
	allowed := min(exchanged*s.budget(), exchangedInAll*s.budget()-s.exchanging)
	if s.exchanging > 0 {
		return allowed - each
	}
	return max(allowed-each, min(allowed, each))
}

// The work that a search may take: some runs over all samples, and some multiply-adds, which
// take a core about a minute. Fewer samples than fewestCounted do not make it easier to find
// changes, and count as that many.
const (
	wholePasses   = 10
	wholeWork     = 1e12
	fewestCounted = 256
)

// budget returns the work that a search may take which has no deadline.
func (s *search) budget() float64 {
	n := s.samples.Len()
	if s.opt.Task.Traits().NextTokens { // of which each sample has many
		n *= answersOf(s.samples)
	}
	return wholePasses*float64(s.once)*max(1, fewestCounted/float64(n)) + wholeWork
}

// exchanged is the share of that which exchanges may take before another change is added, and
// exchangedInAll that which all of them may.
const (
	exchanged      = 0.05
	exchangedInAll = 0.15
)

// share returns the share of the work that has been done. It is more than 1 for what goes
// on, such as measuring the result.
func (s *search) share() float64 { return float64(s.meter.Work()) / s.work }

// outlook returns how many changes more would bring the objective to the target, if each lowered
// it as much as the last few did. An objective may stay above the target where the quality
// reaches it.
func outlook(before, after, target float64, changes int) float64 {
	fall := (before - after) / float64(max(changes, 1))
	if fall <= 0 {
		return 0 // it does not say
	}
	return max(after-target, after*leastLeft) / fall
}

// leastLeft is the least share of the objective that counts as still to be lowered.
const leastLeft = 0.1

// pace returns the number of changes to add in the next round, after n changes and a share
// of the work, with needed ones to come. A search that needs many, or whose rounds cost
// much, adds several at a time, so that it is done in time.
func pace(n int, needed, share float64) int {
	many := max(1, n/16, int(needed/rounds))
	switch {
	case share > 0.6:
		return max(4, n, many)
	case share > 0.3:
		return max(2, n/4, many)
	}
	return many
}

// farOff is the number of times that a search for tokens may seem to need the changes that are
// left, before it takes those of the last layer.
const farOff = 2

// rounds is the number of rounds that a search is planned to take when it needs many
// changes.
const rounds = 12

// together returns a set with several changes more, if these lower the objective more than
// the first of them; nil otherwise, and if fewer than two of them lower it at all.
func (s *minimal) together(n node, more []candidate) (*node, error) {
	joint := node{list: slices.Clone(n.list)}
	for _, c := range more {
		if c.gain > 0 {
			joint.list = append(joint.list, c)
		}
	}
	if len(joint.list) < len(n.list)+2 {
		return nil, nil // a set that is not larger would be extended again and again
	}
	s.become(joint.list)
	var err error
	if joint.objective, err = s.blocks.objective(); err != nil || joint.objective >= n.objective-more[0].gain {
		return nil, err
	}
	return &joint, nil
}

// A search is stuck when this many rounds lower the objective by less than this in all.
const (
	patience = 12
	progress = 0.002
)

// plateau watches whether the objective still falls.
type plateau struct {
	lowest float64
	rounds int // since it fell to lowest
}

// flat reports whether the objective no longer falls.
func (p *plateau) flat(objective float64) bool {
	p.rounds++
	if objective < p.lowest-progress {
		p.lowest, p.rounds = objective, 0
	}
	return p.rounds >= patience
}

// acceptOne makes the changes of the first set that reaches the target. If none does, it
// reports whether one came near.
func (s *minimal) acceptOne(ctx context.Context, level []node) (reached, near bool, err error) {
	s.fair = task.Score{}
	for i := range level {
		s.become(level[i].list)
		reached, close, err := s.accept(ctx)
		if i == 0 || reached {
			s.report(reached)
		}
		if reached || err != nil {
			return reached, false, err
		}
		near = near || close
	}
	return false, near, nil
}

// measured sets the objectives of sets of changes, after samples or the objective are others.
func (s *minimal) measured(level []node) (err error) {
	for i := range level {
		s.become(level[i].list)
		if level[i].objective, err = s.blocks.objective(); err != nil {
			return err
		}
	}
	return nil
}

// expand returns the best sets with one change more, or up to pace of them, best first, at
// most width sets.
func (s *minimal) expand(ctx context.Context, level []node, width, pace int) ([]node, error) {
	var next []node
	seen := map[string]bool{}
	for _, n := range level {
		if err := s.spent(ctx); err != nil {
			return nil, err
		}
		s.become(n.list)
		more, err := s.round(ctx, max(width, pace))
		if err != nil {
			return nil, err
		}
		if pace > 1 && len(more) > 1 {
			joint, err := s.together(n, more[:min(len(more), pace)])
			if err != nil {
				return nil, err
			}
			if joint != nil {
				next = append(next, *joint)
			}
		}
		for _, c := range more[:min(len(more), width)] {
			list := append(slices.Clip(slices.Clone(n.list)), c)
			if key := identity(list); !seen[key] {
				seen[key] = true
				next = append(next, node{list, n.objective - c.gain})
			}
		}
	}
	slices.SortStableFunc(next, func(a, b node) int { return cmp.Compare(a.objective, b.objective) })
	return next[:min(len(next), width)], nil
}

// identity returns a name for a set of changes that does not depend on their order.
func identity(list []candidate) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = fmt.Sprint(c.tensor, c.index, c.bits)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}
