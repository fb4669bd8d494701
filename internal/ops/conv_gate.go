package ops

import (
	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// gated returns gy where lo < y < hi, and 0 elsewhere, if gy is the gradient by the
// input of a convolution. One operator then computes the convolution and the mask.
// gated returns nil for any other gy, and for convolutions whose kernels cannot mask.
// If y is the input of the convolution, the operator is a companion of the gradient
// by the weights, and may overwrite y.
func (b *Builder) gated(name string, y, lo, hi, gy *Value) *Value {
	t, ok := kernelOf[*convTransposeKernel](gy)
	if !ok || !t.conv.Gates() {
		return nil
	}
	k := &gatedKernel{conv: t.conv, inPlace: inPlace{2}}
	if t.weight != nil && t.weight.in[0] == y {
		k.host = t.weight
	}
	op := Op{name: gy.op.name + "+" + name, kernel: k}
	return b.emit(nd.Float32, y.Shape, op, gy.in[0], gy.in[1], y, lo, hi)
}

var (
	_ Epilogued     = (*gatedKernel)(nil)
	_ InPlace       = (*gatedKernel)(nil)
	_ convCompanion = (*gatedKernel)(nil)
)

// gatedKernel computes the gradient by the input of a convolution, masked. Its inputs
// are gy, the weights, the activation y, and the bounds lo and hi. The gradient is 0
// unless lo < y < hi.
type gatedKernel struct {
	companion
	inPlace
	conv conv.Conv
}

func (k *gatedKernel) gate(in []nd.Array) *conv.Gate {
	return &conv.Gate{Y: in[2].Float32s(), Lo: in[3].Float32s()[0], Hi: in[4].Float32s()[0]}
}

func (k *gatedKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *gatedKernel) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	g := k.conv
	g.Gate, g.Epilogue, g.Prefetch = k.gate(in), e.Run, e.Reads
	g.GradInput(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
}

func (k *gatedKernel) addTo(c *convGradients, out nd.Array, in []nd.Array) {
	c.Gate, c.weight, c.gx = k.gate(in), in[1].Float32s(), out.Float32s()
}
