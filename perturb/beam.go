package perturb

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// node is a set of changes, with what the model is worth on the blocks with them.
type node struct {
	list      []candidate
	objective float64
}

// beam adds changes, to the best few sets at a time, until one is at the target.
func (s *minimal) beam(ctx context.Context, limit int) (reached bool, err error) {
	level := []node{{}}
	for range limit {
		if level, err = s.expand(ctx, level); err != nil || len(level) == 0 {
			return false, err
		}
		for _, n := range level {
			if err := s.become(n.list); err != nil {
				return false, err
			}
			if reached, err = s.check(); err != nil || reached {
				break
			}
		}
		s.report()
		if err != nil || reached {
			return reached, err
		}
	}
	return false, nil
}

// expand returns the best sets that are larger by one change, the best first.
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

// identity names a set of changes, whatever their order.
func identity(list []candidate) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = fmt.Sprint(c.tensor, c.index, c.bits)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}
