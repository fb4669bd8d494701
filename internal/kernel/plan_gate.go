package kernel

import "math"

// Gate is the gradient of ReLU or Clip, of whose output Y it lets through the
// gradient where Lo < Y < Hi: elsewhere it is 0. Y is as large as what is gated.
type Gate struct {
	Y      []float32
	Lo, Hi float32
}

// Limits are those of ReLU or Clip: elements become Lo or Hi where they are beyond.
type Limits struct{ Lo, Hi float32 }

// thenFirst puts f before what follows.
func (p *convPlan) thenFirst(f func(lo, hi int)) {
	then := p.then
	p.then = func(lo, hi int) {
		f(lo, hi)
		if then != nil {
			then(lo, hi)
		}
	}
}

// gating is what assembly kernels are told of a gate: where it begins, nil for
// none, its limits, or without a gate those of what is stored, and how many elements
// further on to fetch what will be written, and read of the gate.
type gating struct {
	gate   *float32
	lo, hi float32
	ahead  int
}

// limited returns the limits, or none if they are nil, without a gate.
func (l *Limits) limited(ahead int) gating {
	if l == nil {
		l = &Limits{float32(math.Inf(-1)), float32(math.Inf(1))}
	}
	return gating{nil, l.Lo, l.Hi, ahead}
}

// from returns the gate, or none if it is nil, from an element on.
func (g *Gate) from(element, ahead int) gating {
	if g == nil {
		return (*Limits)(nil).limited(ahead)
	}
	return gating{&g.Y[element], g.Lo, g.Hi, ahead}
}
