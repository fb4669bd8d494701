package gradient

import (
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
)

// Fusion: an elementwise operator (ReLU, a residual addition, the mask of a
// ReLU's gradient …) runs on each piece of what it reads as soon as that piece is
// computed, while it is near in cache; the gradient of a bias is computed beside that
// of the weights, which reads the same. The steps remain what they are; those that
// run together stand one behind another, all but the first marked as joined. Any
// of them can still run by itself, so that Refresh and Try may leave some out.

// fuse joins steps that can run together, the forward and the backward part for
// themselves.
func (l *layout) fuse() {
	fused := l.fusePart(l.steps[:l.ahead])
	l.steps = append(fused, l.fusePart(l.steps[l.ahead:])...)
}

// fusePart moves every elementwise step that allows it to the step that computes
// the last of its inputs. The others have been computed by then, and nothing
// needs its output earlier. A step that another computes beside its own moves to that.
func (l *layout) fusePart(steps []step) []step {
	var groups [][]step
	from := map[int]int{} // which group computes a slot
	by := map[*ops.Op]int{}
	for _, s := range steps {
		if g, ok := by[s.op.Beside()]; ok && (len(groups[g]) == 1 || beside(groups[g])) {
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

// joins tells whether s can run on pieces of what the first step of a group
// computes.
func (l *layout) joins(s step, group []step) bool {
	first := group[0]
	if beside(group) {
		return false // which does not say how far it is
	}
	return s.op.Pointwise() && first.op.Stages() && l.values[s.out].Len() == l.values[first.out].Len()
}

// beside tells whether the steps behind the first of a group run beside it, and not
// on pieces of what it computes.
func beside(group []step) bool {
	return len(group) > 1 && group[1].op.Beside() == group[0].op
}

// run computes steps from and into slots.
func (p *Program) run(steps []step, slots []nd.Array) error {
	for i := 0; i < len(steps); {
		n := together(steps[i:])
		if err := p.runTogether(steps[i:i+n], slots); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// runSome computes the steps with the given indices, which are sorted.
func (p *Program) runSome(indices []int, slots []nd.Array) error {
	for i := 0; i < len(indices); {
		first, n := indices[i], 1
		for i+n < len(indices) && indices[i+n] == first+n && p.steps[first+n].joined {
			n++
		}
		if err := p.runTogether(p.steps[first:first+n], slots); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// together returns how many steps run with the first, itself included.
func together(steps []step) int {
	n := 1
	for n < len(steps) && steps[n].joined {
		n++
	}
	return n
}

// runTogether computes a step, and the others as it goes.
func (p *Program) runTogether(steps []step, slots []nd.Array) error {
	first := &steps[0]
	if first.op.Alias() {
		slots[first.out] = first.op.Aliased(slots[first.in[0]])
		return nil
	}
	p.args = p.args[:0]
	for i := range steps {
		for _, k := range steps[i].in {
			p.args = append(p.args, slots[k])
		}
	}
	args := p.args
	in := func(n int) []nd.Array {
		defer func() { args = args[n:] }()
		return args[:n:n]
	}
	arrays := in(len(first.in))
	if err := first.op.Check(arrays); err != nil {
		return err
	}
	if len(steps) == 1 {
		first.op.Run(p.workers, slots[first.out], arrays)
		return nil
	}
	if beside(steps) {
		beside := make([]ops.Beside, len(steps)-1)
		for i, s := range steps[1:] {
			beside[i] = ops.Beside{Op: s.op, Out: slots[s.out], In: in(len(s.in))}
		}
		first.op.RunBeside(p.workers, slots[first.out], arrays, beside)
		return nil
	}
	parts := make([]part, len(steps)-1)
	var then ops.Then
	computed := map[int]bool{first.out: true}
	for i, s := range steps[1:] {
		parts[i] = part{s.op.RunPart, slots[s.out], in(len(s.in))}
		for j, a := range parts[i].in {
			if x, ok := a.Data.([]float32); ok && !computed[s.in[j]] && len(x) == parts[i].out.Len() {
				then.Reads = append(then.Reads, x)
			}
		}
		computed[s.out] = true
	}
	// What is limited in place need not be stored before.
	if l, ok := steps[1].op.Limits(parts[0].in); ok && first.op.Limited() && inPlace(parts[0].out, slots[first.out]) {
		then.Limits, parts = l, parts[1:]
	}
	then.Run = func(lo, hi int) {
		for _, s := range parts {
			s.run(s.out, s.in, lo, hi)
		}
	}
	first.op.RunThen(p.workers, slots[first.out], arrays, then)
	return nil
}

// inPlace tells whether two arrays of float32 are the same memory.
func inPlace(a, b nd.Array) bool {
	x, y := a.Float32s(), b.Float32s()
	return len(x) > 0 && len(x) == len(y) && &x[0] == &y[0]
}

// part is a step that runs on pieces.
type part struct {
	run func(out nd.Array, in []nd.Array, lo, hi int)
	out nd.Array
	in  []nd.Array
}
