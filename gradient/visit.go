package gradient

import "github.com/advparams/advparams/internal/ops"

// With Config.Visit a gradient is given away when it has been computed, and its memory is
// used again. All gradients of a model together take as much memory as its weights.

// release lets the memory of gradients be used again after the step that computes them. A
// gradient that another step reads stays, because that step may overwrite it.
func (l *layout) release(grads []*ops.Value) {
	read := map[int]bool{}
	for _, s := range l.steps {
		if !s.op.Alias() {
			for _, k := range s.in {
				read[k] = true
			}
		}
	}
	for _, v := range grads {
		if k := l.slot(v); !read[k] {
			delete(l.pin, k)
		}
	}
}

// schedule notes which step computes which gradient.
func (p *Program) schedule() {
	at := map[int]int{}
	for i, s := range p.steps {
		at[s.out] = i
	}
	p.visits = map[int][]int{}
	for g, b := range p.grads {
		if i, ok := at[b.slot]; ok && i >= p.forward {
			p.visits[i] = append(p.visits[i], g)
		} else if b.slot >= 0 {
			p.visits[len(p.steps)] = append(p.visits[len(p.steps)], g)
		}
	}
}

// runVisited computes the backward part and calls visit with each gradient when its group
// has run.
func (p *Program) runVisited() error {
	for i := p.forward; i < len(p.steps); {
		n := together(p.steps[i:])
		if err := p.runTogether(p.steps[i:i+n], p.slots); err != nil {
			return err
		}
		for ; n > 0; n-- {
			p.give(i)
			i++
		}
	}
	p.give(len(p.steps))
	return nil
}

// give calls visit with the gradients that a step computes.
func (p *Program) give(step int) {
	for _, g := range p.visits[step] {
		b := p.grads[g]
		p.visit(b.name, p.slots[b.slot].Float32s())
	}
}
