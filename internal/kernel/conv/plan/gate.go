package plan

import (
	"math"
)

// Gate is the gradient of ReLU or Clip, of whose output Y it lets through the
// gradient where Lo < Y < Hi: elsewhere it is 0. Y is as large as what is gated.
type Gate struct {
	Y      []float32
	Lo, Hi float32
}

// Limits are those of ReLU or Clip: elements become Lo or Hi where they are beyond.
type Limits struct{ Lo, Hi float32 }

// thenFirst puts f before what follows.
func (p *Conv) PrependEpilogue(f func(lo, hi int)) {
	then := p.Epilogue
	p.Epilogue = func(lo, hi int) {
		f(lo, hi)
		if then != nil {
			then(lo, hi)
		}
	}
}

// gating is what assembly kernels are told of a gate: where it begins, nil for
// none, its limits, or without a gate those of what is stored, and how many elements
// further on to fetch what will be written, and read of the gate.
type Gating struct {
	Gate   *float32
	Lo, Hi float32
	Ahead  int
}

// limited returns the limits, or none if they are nil, without a gate.
func (l *Limits) Limited(ahead int) Gating {
	if l == nil {
		l = &Limits{float32(math.Inf(-1)), float32(math.Inf(1))}
	}
	return Gating{nil, l.Lo, l.Hi, ahead}
}

// from returns the gate, or none if it is nil, from an element on.
func (g *Gate) From(element, ahead int) Gating {
	if g == nil {
		return (*Limits)(nil).Limited(ahead)
	}
	return Gating{&g.Y[element], g.Lo, g.Hi, ahead}
}
