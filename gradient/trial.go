package gradient

import (
	"errors"

	"github.com/advparams/advparams/nd"
)

var errNotKept = errors.New("the program was compiled without Keep")

// Refresh computes anew what depends on the named weight, after Forward. The
// program must have been compiled with Keep.
func (p *Program) Refresh(weight string) ([]nd.Array, error) {
	if !p.keep {
		return nil, errNotKept
	}
	for _, i := range p.users[weight] {
		if err := p.run(p.steps[i : i+1]); err != nil {
			return nil, err
		}
	}
	return p.results(p.slots), nil
}

// Try computes what the outputs would be with the named weight as it is now,
// and leaves everything as it was before the weight changed. The outputs are
// valid until the next call. The program must have been compiled with Keep.
func (p *Program) Try(weight string) ([]nd.Array, error) {
	if !p.keep {
		return nil, errNotKept
	}
	o, err := p.overlay(weight)
	if err != nil {
		return nil, err
	}
	p.tried = append(p.tried[:0], p.slots...)
	for k, a := range o.buffers {
		p.tried[k] = a
	}
	for _, i := range p.users[weight] {
		if err := p.steps[i].run(p.workers, p.tried, &p.args); err != nil {
			return nil, err
		}
	}
	return p.results(p.tried), nil
}

// overlay holds the places of the values that depend on a weight while it is
// tried. Trials do not overlap, so that all overlays use the same buffers.
type overlay struct {
	buffers map[int]nd.Array // by slot
}

func (p *Program) overlay(weight string) (*overlay, error) {
	if o, ok := p.trials[weight]; ok {
		return o, nil
	}
	steps := p.users[weight]
	o := &overlay{buffers: map[int]nd.Array{}}
	// Where an alias is read, what it is an alias of is.
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
	for n, i := range steps {
		s := p.steps[i]
		if s.op.Alias() {
			o.buffers[s.out] = p.slots[s.out]
		} else {
			a, err := p.spare.get(p.slots[s.out].DType(), p.slots[s.out].Shape)
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
				p.spare.put(a)
			}
		}
	}
	for k, a := range o.buffers {
		if last[k] == len(steps) && rootOf(k) == k {
			p.spare.put(a)
		}
	}
	if p.trials == nil {
		p.trials = map[string]*overlay{}
	}
	p.trials[weight] = o
	return o, nil
}
