package ops

import (
	"github.com/advparams/advparams/internal/kernel"
	"github.com/advparams/advparams/nd"
)

// gated returns the gradient gy where lo < y < hi, and 0 elsewhere, as one operator
// if gy is the gradient by the input of a convolution that can do that on the way;
// else nil. If y is that input, the gradient by the weights is computed along with
// it, and the result may take the place of y.
func (b *Builder) gated(name string, y, lo, hi, gy *Value) *Value {
	t := gy.op
	if t == nil || t.conv == nil || t.name != "ConvTranspose" || !t.conv.Gates() {
		return nil
	}
	conv := *t.conv
	gate := func(in []nd.Array) *kernel.Gate {
		return &kernel.Gate{Y: in[2].Float32s(), Lo: in[3].Float32s()[0], Hi: in[4].Float32s()[0]}
	}
	op := Op{
		name: t.name + "+" + name,
		runThen: func(w *kernel.Workers, out nd.Array, in []nd.Array, then Then) {
			g := conv
			g.Gate, g.Then, g.Reads = gate(in), then.Run, then.Reads
			g.GradInput(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
		},
		among: func(c *convGradients, out nd.Array, in []nd.Array) {
			c.Gate, c.weight, c.gx = gate(in), in[1].Float32s(), out.Float32s()
		},
		overwrites: []int{2},
	}
	if t.weight != nil && t.weight.in[0] == y {
		op.beside = t.weight
	}
	return b.emit(nd.Float32, y.Shape, op, t.in[0], t.in[1], y, lo, hi)
}
