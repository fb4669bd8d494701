package gradient

import (
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/internal/sysmem"
)

// Programs that keep their values are run again and again with one weight changed. Some
// kernels first bring their weights into another form. They keep that form from run to run:
// to make it takes up to a third of the time where images are small.

// All forms may take leastForms bytes, and those of forward steps the share formsMemory of the
// machine's memory if that is more: rounded weights are half as large as the weights are.
const (
	leastForms  = 1 << 28
	formsMemory = 1.0 / 8
)

// keepWeights has kernels keep their weights, where that is worth the memory.
func (p *Program) keepWeights(rounded bool) {
	p.keepers = map[string][]ops.Keeper{}
	fixed := p.independent()
	var size int64
	for i := range p.steps {
		s := &p.steps[i]
		k, ok := s.op.Kernel().(ops.Keeper)
		if !ok {
			continue
		}
		slot := s.in[k.Weights()]
		if !fixed[slot] {
			continue
		}
		most := int64(leastForms)
		if !s.backward {
			most = max(most, int64(formsMemory*float64(sysmem.Total())))
		}
		form := k.Form(p.slots[slot].Shape, p.slots[s.out].Shape, rounded)
		if form == 0 || size+form > most {
			continue
		}
		size += form
		k.Keep()
		for name, users := range p.users {
			if p.params[slot] == name || slices.ContainsFunc(users, func(i int) bool { return p.steps[i].out == slot }) {
				p.keepers[name] = append(p.keepers[name], k)
			}
		}
	}
}

// independent returns the slots that are the same for all inputs once the outputs are
// computed: weights, constants, and what forward steps compute of these.
func (p *Program) independent() []bool {
	fixed := make([]bool, len(p.slots))
	for k := range fixed {
		fixed[k] = true
	}
	for _, b := range p.inputs {
		fixed[b.slot] = false
	}
	for i := range p.steps {
		s := &p.steps[i]
		if i >= p.forward || slices.ContainsFunc(s.in, func(k int) bool { return !fixed[k] }) {
			fixed[s.out] = false
		}
	}
	return fixed
}

// changed has kernels forget weights that have changed.
func (p *Program) changed(names ...string) {
	for _, name := range names {
		for _, k := range p.keepers[name] {
			k.Forget()
		}
	}
}

// Forget has the program and its forks forget the forms of weights that were set, as Refresh does.
// It computes nothing.
func (p *Program) Forget(weights ...string) { p.changed(weights...) }

// changedAll has all kernels forget their weights.
func (p *Program) changedAll() {
	for _, list := range p.keepers {
		for _, k := range list {
			k.Forget()
		}
	}
}
