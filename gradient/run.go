package gradient

import (
	"time"

	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
)

// run computes steps, reading from slots and writing to them.
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

// together returns the length of the group that begins with the first step.
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
	lead := first.op.Kernel()
	if k, ok := lead.(ops.Aliaser); ok {
		slots[first.out] = k.Alias(slots[first.in[0]])
		return nil
	}
	p.args = p.args[:0]
	for i := range steps {
		p.meter.add(&steps[i], slots)
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
	if p.profile != nil {
		defer p.profile.add(steps, slots, time.Now())
	}
	if first.op.MultiplyAdds() > 0 {
		defer simd.FlushSubnormals()()
	}
	switch {
	case len(steps) == 1:
		lead.Run(p.workers, slots[first.out], arrays)
	case hosts(steps):
		companions := make([]ops.CompanionRun, len(steps)-1)
		for i, s := range steps[1:] {
			companions[i] = ops.CompanionRun{Kernel: s.op.Kernel(), Out: slots[s.out], In: in(len(s.in))}
		}
		lead.(ops.Fused).RunFused(p.workers, slots[first.out], arrays, companions)
	default:
		parts := make([]part, len(steps)-1)
		for i, s := range steps[1:] {
			parts[i] = part{s.op.Kernel().(ops.Pointwise), slots[s.out], in(len(s.in))}
		}
		lead.(ops.Epilogued).RunEpilogue(p.workers, slots[first.out], arrays, epilogue(lead, steps, slots, parts))
	}
	return nil
}

// part is a step that runs in an epilogue.
type part struct {
	kernel ops.Pointwise
	out    nd.Array
	in     []nd.Array
}

// epilogue returns the epilogue of a group: the kernels of the steps after the
// first, whose kernel is lead.
func epilogue(lead ops.Kernel, steps []step, slots []nd.Array, parts []part) ops.Epilogue {
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
	// A clamp in place becomes part of the first kernel, which then stores each
	// element once.
	if c, ok := parts[0].kernel.(ops.Clamper); ok && sameMemory(parts[0].out, slots[steps[0].out]) {
		if _, ok := lead.(ops.ClampingEpilogued); ok {
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
