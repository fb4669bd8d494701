package perturb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// node is a set of changes with the objective that the blocks have with them.
type node struct {
	list      []candidate
	objective float64
}

// beam is a beam search: it extends the best few sets of changes by one change at a time
// until a set reaches the target. When a set comes near the target, beam first exchanges
// each of its changes for the best other one.
func (s *minimal) beam(ctx context.Context, limit int) (reached bool, err error) {
	level := []node{{}}
	for range limit {
		if level, err = s.expand(ctx, level); err != nil || len(level) == 0 {
			return false, err
		}
		reached, near, err := s.acceptOne(ctx, level)
		if reached || err != nil {
			return reached, err
		}
		if near {
			swapped, err := s.expand(ctx, level[0].without())
			if err != nil {
				return false, err
			}
			if reached, _, err = s.acceptOne(ctx, swapped); reached || err != nil {
				return reached, err
			}
			if len(swapped) > 0 && swapped[0].objective < level[0].objective {
				level = swapped
			}
		}
	}
	return false, s.become(level[0].list)
}

// acceptOne makes the changes of the first set that reaches the target. If none does, it
// reports whether one came near.
func (s *minimal) acceptOne(ctx context.Context, level []node) (reached, near bool, err error) {
	for i, n := range level {
		if err := s.become(n.list); err != nil {
			return false, false, err
		}
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

// without returns the sets that lack one change each. The last change stays: it was the
// best one to add to the others.
func (n *node) without() []node {
	var list []node
	for i := range len(n.list) - 1 {
		list = append(list, node{list: slices.Delete(slices.Clone(n.list), i, i+1)})
	}
	return list
}

// expand returns the best sets with one change more, best first.
func (s *minimal) expand(ctx context.Context, level []node) ([]node, error) {
	var next []node
	seen := map[string]bool{}
	for _, n := range level {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.become(n.list); err != nil {
			return nil, err
		}
		now := s.blocks.objective()
		more, err := s.round(s.opt.Beam)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			list := append(slices.Clip(slices.Clone(n.list)), c)
			if key := identity(list); !seen[key] {
				seen[key] = true
				next = append(next, node{list, now - c.gain})
			}
		}
	}
	slices.SortStableFunc(next, func(a, b node) int { return cmp.Compare(a.objective, b.objective) })
	return next[:min(len(next), s.opt.Beam)], nil
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
