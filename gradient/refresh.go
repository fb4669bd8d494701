package gradient

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// Refresh recomputes the values that depend on the named weights, after Forward,
// and returns the outputs. The program must have been compiled with Keep. The error may be a
// *WeightError.
func (p *Program) Refresh(weights ...string) ([]nd.Array, error) {
	if !p.keep {
		return nil, errNotKept
	}
	var steps []int
	for _, name := range weights {
		if _, ok := p.weights.arrays[name]; !ok {
			return nil, &WeightError{Weight: name, Elements: -1}
		}
		steps = append(steps, p.users[name]...)
	}
	p.changed(weights...)
	slices.Sort(steps)
	if err := p.runSome(slices.Compact(steps), p.slots); err != nil {
		return nil, err
	}
	return p.results(p.slots), nil
}

// Backward computes the loss and its gradient (see Gradient) for the values that
// Forward or Refresh computed. The program must have been compiled with Keep and
// Gradients.
func (p *Program) Backward(loss Loss) (float64, error) {
	switch {
	case !p.keep:
		return 0, errNotKept
	case !p.withGrad:
		return 0, errNoGradient
	}
	return p.backward(p.results(p.slots), loss)
}

// Kept returns the bytes of the values that a program keeps, and each of its forks. It is 0
// without Keep.
func (p *Program) Kept() (n int64) {
	if !p.keep {
		return 0
	}
	for _, s := range p.steps[:p.forward] {
		if a := p.slots[s.out]; !s.op.Alias() {
			n += int64(a.Len()) * a.DType().Bytes()
		}
	}
	return n
}

// Fork returns a program with the same operators and weights that keeps the values
// of another batch. It has no values before its first Forward. Gradients and the
// outputs of Try are shared, and valid until the next call of any fork. The program
// must have been compiled with Keep. The error is a *MemoryError.
func (p *Program) Fork() (*Program, error) {
	if !p.keep {
		return nil, errNotKept
	}
	q := *p
	q.slots, q.args, q.tried = slices.Clone(p.slots), nil, nil
	for _, s := range p.steps[:p.forward] {
		if s.op.Alias() {
			continue
		}
		a, err := p.trials.own(p.slots[s.out])
		if err != nil {
			return nil, err
		}
		q.slots[s.out] = a
	}
	return &q, nil
}
