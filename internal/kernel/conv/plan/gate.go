package plan

import "math"

// Clamp is what ReLU or Clip does: elements below Lo become Lo, those above Hi become Hi.
type Clamp struct{ Lo, Hi float32 }

// Gate is the gradient of ReLU or Clip. Y is the output of that function, with as many
// elements as the gradient. The gradient passes where Lo < Y < Hi and is 0 elsewhere.
type Gate struct {
	Y      []float32
	Lo, Hi float32
}

// PrependEpilogue makes f run before the epilogue, on the same elements.
func (p *Conv) PrependEpilogue(f func(lo, hi int)) {
	epilogue := p.Epilogue
	p.Epilogue = func(lo, hi int) {
		f(lo, hi)
		if epilogue != nil {
			epilogue(lo, hi)
		}
	}
}

// Gating is a gate or a clamp in the form that assembly takes.
type Gating struct {
	Gate   *float32 // the first element of the gate's Y; nil for a clamp
	Lo, Hi float32  // of the gate, or of the clamp
	Ahead  int      // elements by which to prefetch the output and the gate
}

// Gating returns the clamp, or one without bounds if it is nil.
func (c *Clamp) Gating(ahead int) Gating {
	if c == nil {
		c = &Clamp{float32(math.Inf(-1)), float32(math.Inf(1))}
	}
	return Gating{nil, c.Lo, c.Hi, ahead}
}

// From returns the gate from an element on. If it is nil, everything passes.
func (g *Gate) From(element, ahead int) Gating {
	if g == nil {
		return (*Clamp)(nil).Gating(ahead)
	}
	return Gating{&g.Y[element], g.Lo, g.Hi, ahead}
}
