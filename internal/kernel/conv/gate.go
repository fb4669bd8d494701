package conv

import (
	"github.com/advparams/advparams/internal/kernel/conv/depthwise"
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Gates reports whether [Conv.GradInput] applies the gate to each element before it stores
// it and does not read elements of Y that it has overwritten. Then gx may be Y.
func (c *Conv) Gates() bool { return gates(c.plan()) }

func gates(p *plan.Conv) bool {
	return !isDense(p) && (depthwise.SmallApplies(p) || depthwise.Applies(p))
}

// gateAfter makes the gate a part of the epilogue, unless the method applies it.
func gateAfter(p *plan.Conv, gx []float32) {
	if p.Gate == nil || gates(p) {
		return
	}
	gate := p.Gate
	p.Prefetch = append(p.Prefetch[:len(p.Prefetch):len(p.Prefetch)], gate.Y)
	p.PrependEpilogue(func(lo, hi int) { simd.ClipGrad(gx[lo:hi], gate.Y[lo:hi], gx[lo:hi], gate.Lo, gate.Hi) })
}

// clampAfter makes the clamp a part of the epilogue, unless the method applies it.
func clampAfter(p *plan.Conv, y []float32) {
	if p.Clamp == nil || gates(p) {
		return
	}
	limits := p.Clamp
	p.PrependEpilogue(func(lo, hi int) { simd.Clip(y[lo:hi], y[lo:hi], limits.Lo, limits.Hi) })
}
