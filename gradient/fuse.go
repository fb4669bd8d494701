package gradient

import (
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
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

// runTogether runs a group of steps.
func (p *Program) runTogether(steps []step, slots []nd.Array) error {
	first := &steps[0]
	kernel := first.op.Kernel()
	if k, ok := kernel.(ops.Aliaser); ok {
		slots[first.out] = k.Alias(slots[first.in[0]])
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
	switch {
	case len(steps) == 1:
		kernel.Run(p.workers, slots[first.out], arrays)
	case hosts(steps):
		companions := make([]ops.CompanionRun, len(steps)-1)
		for i, s := range steps[1:] {
			companions[i] = ops.CompanionRun{Kernel: s.op.Kernel(), Out: slots[s.out], In: in(len(s.in))}
		}
		kernel.(ops.Fused).RunFused(p.workers, slots[first.out], arrays, companions)
	default:
		parts := make([]part, len(steps)-1)
		for i, s := range steps[1:] {
			parts[i] = part{s.op.Kernel().(ops.Pointwise), slots[s.out], in(len(s.in))}
		}
		kernel.(ops.Epilogued).RunEpilogue(p.workers, slots[first.out], arrays, epilogue(kernel, steps, slots, parts))
	}
	return nil
}

// part is a step that runs in an epilogue.
type part struct {
	kernel ops.Pointwise
	out    nd.Array
	in     []nd.Array
}

// epilogue returns the epilogue of the first step's kernel, which consists of
// parts, the other steps.
func epilogue(first ops.Kernel, steps []step, slots []nd.Array, parts []part) ops.Epilogue {
	var e ops.Epilogue
	computed := map[int]bool{steps[0].out: true}
	for i, s := range steps[1:] {
		for j, a := range parts[i].in {
			if x, ok := a.Data.([]float32); ok && !computed[s.in[j]] && len(x) == parts[i].out.Len() {
				e.Reads = append(e.Reads, x)
			}
		}
		computed[s.out] = true
	}
	// What is clamped in place need not be stored before.
	if c, ok := parts[0].kernel.(ops.Clamper); ok && sameMemory(parts[0].out, slots[steps[0].out]) {
		if _, ok := first.(ops.ClampingEpilogued); ok {
			e.Clamp, parts = c.Clamp(parts[0].in), parts[1:]
		}
	}
	e.Run = func(lo, hi int) {
		for _, s := range parts {
			s.kernel.RunRange(s.out, s.in, lo, hi)
		}
	}
	return e
}

// sameMemory reports whether two arrays of float32 lie in the same memory.
func sameMemory(a, b nd.Array) bool {
	x, y := a.Float32s(), b.Float32s()
	return len(x) > 0 && len(x) == len(y) && &x[0] == &y[0]
}
