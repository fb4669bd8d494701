package gradient

import (
	"github.com/advparams/advparams/nd"
)

// trials is shared by the forks of a program: the buffers of values while a weight
// is tried, and the memory that all of them take.
type trials struct {
	overlays map[string]*overlay // by weight
	spare    arena
}

// own returns a new array with the type and shape of a. It is never reused.
func (t *trials) own(a nd.Array) (nd.Array, error) {
	fresh := arena{total: t.spare.total, limit: t.spare.limit}
	out, err := fresh.get(a.DType(), a.Shape)
	t.spare.total = fresh.total
	return out, err
}

// overlay holds the buffers of the values that depend on a weight, while it is
// tried. Only one weight is tried at a time, so that all overlays share buffers.
type overlay struct {
	buffers map[int]nd.Array // by slot
}

func (p *Program) overlay(weight string) (*overlay, error) {
	if o, ok := p.trials.overlays[weight]; ok {
		return o, nil
	}
	steps := p.users[weight]
	o := &overlay{buffers: map[int]nd.Array{}}
	// An alias is read where its root lies.
	root := map[int]int{}
	rootOf := func(k int) int {
		if r, ok := root[k]; ok {
			return r
		}
		return k
	}
	last := map[int]int{}
	for n, i := range steps {
		s := p.steps[i]
		if s.op.Alias() {
			root[s.out] = rootOf(s.in[0])
		}
		for _, k := range s.in {
			last[rootOf(k)] = n
		}
	}
	for _, out := range p.outputs {
		last[rootOf(out.slot)] = len(steps)
	}
	var done []nd.Array // buffers that are free when the group ends, see fuse.go
	for n, i := range steps {
		s := p.steps[i]
		if !s.joined {
			for _, a := range done {
				p.trials.spare.put(a)
			}
			done = done[:0]
		}
		if s.op.Alias() {
			o.buffers[s.out] = p.slots[s.out]
		} else {
			a, err := p.trials.spare.get(p.slots[s.out].DType(), p.slots[s.out].Shape)
			if err != nil {
				return nil, err
			}
			o.buffers[s.out] = a
		}
		freed := map[int]bool{}
		for _, k := range s.in {
			r := rootOf(k)
			if a, ok := o.buffers[r]; ok && last[r] == n && !freed[r] {
				freed[r] = true
				done = append(done, a)
			}
		}
	}
	for _, a := range done {
		p.trials.spare.put(a)
	}
	for k, a := range o.buffers {
		if last[k] == len(steps) && rootOf(k) == k {
			p.trials.spare.put(a)
		}
	}
	p.trials.overlays[weight] = o
	return o, nil
}

// Try returns what the outputs would be if one element of the named weight had
// another value. The weight and all kept values stay as they are. The outputs are
// valid until the next call. The program must have been compiled with Keep. The
// error may be a *MemoryError, or a *WeightError if there is no such element or it may not be
// written to.
func (p *Program) Try(weight string, index int, value float32) ([]nd.Array, error) {
	if !p.keep {
		return nil, errNotKept
	}
	x, err := p.weights.element(weight, index)
	if err != nil {
		return nil, err
	}
	o, err := p.overlay(weight)
	if err != nil {
		return nil, err
	}
	p.tried = append(p.tried[:0], p.slots...)
	for k, a := range o.buffers {
		p.tried[k] = a
	}
	old := x[index]
	x[index] = value
	p.changed(weight)
	defer func() { x[index] = old; p.changed(weight) }()
	if err := p.runSome(p.users[weight], p.tried); err != nil {
		return nil, err
	}
	return p.results(p.tried), nil
}
