package kernel

import "math"

// Gate is the gradient of ReLU or Clip, of whose output Y it lets through the
// gradient where Lo < Y < Hi: elsewhere it is 0. Y is as large as what is gated.
type Gate struct {
	Y      []float32
	Lo, Hi float32
}

// Gates reports whether GradInput applies the Gate to each element before it
// stores it, and reads nothing of Y later that it has overwritten: then gx may be Y.
func (c *Conv) Gates() bool { return c.plan().gates() }

func (p *convPlan) gates() bool {
	_, small := p.small()
	_, depthwise := p.depthwise()
	return !p.dense() && (small || depthwise)
}

// gateAfter makes the gate a part of what follows, unless the method applies it.
func (p *convPlan) gateAfter(gx []float32) {
	if p.gate == nil || p.gates() {
		return
	}
	gate := p.gate
	p.also = append(p.also[:len(p.also):len(p.also)], gate.Y)
	p.thenFirst(func(lo, hi int) { ClipGradSlice(gx[lo:hi], gate.Y[lo:hi], gx[lo:hi], gate.Lo, gate.Hi) })
}

// Limits are those of ReLU or Clip: elements become Lo or Hi where they are beyond.
type Limits struct{ Lo, Hi float32 }

// limitAfter makes the limits a part of what follows, unless the method applies them.
func (p *convPlan) limitAfter(y []float32) {
	if p.limits == nil || p.gates() {
		return
	}
	limits := p.limits
	p.thenFirst(func(lo, hi int) { ClipSlice(y[lo:hi], y[lo:hi], limits.Lo, limits.Hi) })
}

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
