package perturb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	start, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	level, watch := []node{{objective: start}}, plateau{lowest: start}
	for range limit {
		next, err := s.expand(ctx, level, s.opt.Beam)
		if err != nil {
			return false, err
		}
		if len(next) == 0 {
			s.stuck = true
			break
		}
		level = next
		done, near, err := s.acceptOne(ctx, level)
		if done || err != nil {
			return done, err
		}
		s.best = level[0].list
		if watch.flat(level[0].objective) {
			s.stuck = true
			break
		}
		if near {
			better, improved, err := s.descend(ctx, level[0], exchanges)
			if err != nil {
				return false, err
			}
			if improved {
				if done, _, err = s.acceptOne(ctx, []node{better}); done || err != nil {
					return done, err
				}
				level = []node{better}
			}
		}
	}
	s.become(level[0].list)
	return false, nil
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
	for i := range level {
		s.become(level[i].list)
		reached, close, err := s.accept(ctx)
		if i == 0 || reached {
			s.report()
		}
		if reached || err != nil {
			return reached, false, err
		}
		near = near || close
	}
	return false, near, nil
}

// expand returns the best sets with one change more, best first, at most width of them.
func (s *minimal) expand(ctx context.Context, level []node, width int) ([]node, error) {
	var next []node
	seen := map[string]bool{}
	for _, n := range level {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if s.end > 0 && s.meter.Work() >= s.end {
			return nil, errSpent
		}
		s.become(n.list)
		more, err := s.round(ctx, width)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
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
