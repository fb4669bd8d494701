package gradient

import (
	"slices"

	"github.com/advparams/advparams/internal/ops"
)

// Fusion saves passes over memory in two ways.
//
//   - A pointwise operator (ReLU, a residual addition, the mask of a ReLU's
//     gradient …) becomes part of the epilogue of the operator that computes its
//     input. It runs on each range of elements as soon as the range is computed,
//     while it is still in cache.
//   - A companion is computed by the kernel of its host, which reads the same
//     inputs: the gradient of a bias together with that of the weights.
//
// Steps that run together form a group. They stand one after another, and all but
// the first are marked as joined. Each of them can still run by itself, so that
// Refresh and Try may leave some out.

// fuse joins steps that can run together. The forward and the backward part are
// fused separately.
func (l *layout) fuse() {
	fused := l.fusePart(l.steps[:l.ahead])
	l.steps = append(fused, l.fusePart(l.steps[l.ahead:])...)
}

// fusePart moves every pointwise step that can join a group to the group that
// computes the last of its inputs. Its other inputs have been computed by then, and
// nothing needs its output earlier. A companion moves to the group of its host.
func (l *layout) fusePart(steps []step) []step {
	var groups [][]step
	from := map[int]int{}   // the group that computes a slot
	by := map[*ops.Op]int{} // the group of an operator that is not a companion
	for _, s := range steps {
		if g, ok := by[s.op.Host()]; ok && (len(groups[g]) == 1 || hosts(groups[g])) {
			s.joined = true
			groups[g] = append(groups[g], s)
			from[s.out] = g
			continue
		}
		last := -1
		for _, k := range s.in {
			if g, ok := from[k]; ok {
				last = max(last, g)
			}
		}
		if last >= 0 && l.joins(s, groups[last]) {
			s.joined = true
			groups[last] = append(groups[last], s)
		} else {
			last = len(groups)
			groups = append(groups, []step{s})
		}
		from[s.out], by[s.op] = last, last
	}
	return slices.Concat(groups...)
}

// joins reports whether s can be part of the epilogue of a group's first step.
func (l *layout) joins(s step, group []step) bool {
	if hosts(group) {
		return false // a Fused kernel runs no epilogue
	}
	first := group[0]
	_, pointwise := s.op.Kernel().(ops.Pointwise)
	_, epilogued := first.op.Kernel().(ops.Epilogued)
	return pointwise && epilogued && l.values[s.out].Len() == l.values[first.out].Len()
}

// hosts reports whether the first step of a group computes the others, its
// companions, in one pass.
func hosts(group []step) bool {
	return len(group) > 1 && group[1].op.Host() == group[0].op
}
