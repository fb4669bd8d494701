package kernel

// Gates reports whether GradInput applies the Gate to each element before it
// stores it, and reads nothing of Y later that it has overwritten: then gx may be Y.
func (c *Conv) Gates() bool { return gates(c.plan()) }

func gates(p *convPlan) bool {
	_, small := newSmallPlanes(p)
	_, depthwise := newDepthwise(p)
	return !isDense(p) && (small || depthwise)
}

// gateAfter makes the gate a part of what follows, unless the method applies it.
func gateAfter(p *convPlan, gx []float32) {
	if p.gate == nil || gates(p) {
		return
	}
	gate := p.gate
	p.also = append(p.also[:len(p.also):len(p.also)], gate.Y)
	p.thenFirst(func(lo, hi int) { ClipGradSlice(gx[lo:hi], gate.Y[lo:hi], gx[lo:hi], gate.Lo, gate.Hi) })
}

// limitAfter makes the limits a part of what follows, unless the method applies them.
func limitAfter(p *convPlan, y []float32) {
	if p.limits == nil || gates(p) {
		return
	}
	limits := p.limits
	p.thenFirst(func(lo, hi int) { ClipSlice(y[lo:hi], y[lo:hi], limits.Lo, limits.Hi) })
}
