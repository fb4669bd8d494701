package ops

import (
	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

var (
	_ ClampingEpilogued = (*convKernel)(nil)
	_ Keeper            = (*convKernel)(nil)
	_ Keeper            = (*convTransposeKernel)(nil)
	_ Epilogued         = (*convTransposeKernel)(nil)
	_ Fused             = (*convWeightKernel)(nil)
	_ convCompanion     = (*convBiasKernel)(nil)
)

// convKernel is a convolution, with a bias if there are three inputs.
type convKernel struct {
	conv conv.Conv
	kept
}

func (k *convKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *convKernel) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	var bias []float32
	if len(in) > 2 {
		bias = in[2].Float32s()
	}
	g := k.conv
	g.Epilogue, g.Prefetch, g.Clamp, g.Kept = e.Run, e.Reads, e.Clamp, k.form
	g.Forward(w, in[0].Float32s(), in[1].Float32s(), bias, out.Float32s())
}

// ClampsOutput marks the kernel as ClampingEpilogued.
func (k *convKernel) ClampsOutput() {}

// convTransposeKernel is a transposed convolution.
type convTransposeKernel struct {
	conv conv.Conv
	// weight is the operator of the gradient by the weights if this one is the
	// gradient by the input of the same convolution, and else nil.
	weight *Op
	kept
}

func (k *convTransposeKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *convTransposeKernel) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	g := k.conv
	g.Epilogue, g.Prefetch, g.Kept = e.Run, e.Reads, k.form
	g.GradInput(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
}

// convWeightKernel computes the gradient by the weights of a convolution from its
// input and gy. The gradients by the bias and by the input can be companions.
type convWeightKernel struct{ conv conv.Conv }

func (k *convWeightKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.conv.GradWeight(w, in[0].Float32s(), in[1].Float32s(), out.Float32s(), nil)
}

func (k *convWeightKernel) RunFused(w *parallel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun) {
	c := convGradients{Conv: k.conv}
	for _, r := range companions {
		r.Kernel.(convCompanion).addTo(&c, r.Out, r.In)
	}
	if c.gx == nil {
		c.GradWeight(w, in[0].Float32s(), in[1].Float32s(), out.Float32s(), c.gb)
	} else {
		c.Gradients(w, in[0].Float32s(), in[1].Float32s(), c.weight, c.gx, out.Float32s(), c.gb)
	}
}

// convGradients is a convolution whose gradients are computed together with that by
// the weights: by the bias if gb is not nil, and by the input if gx is not nil.
type convGradients struct {
	conv.Conv
	gb, gx, weight []float32
}

// convCompanion is a companion of convWeightKernel.
type convCompanion interface {
	Companion
	// addTo adds the output to the gradients that are computed together.
	addTo(c *convGradients, out nd.Array, in []nd.Array)
}

// convBiasKernel sums gy over all axes but the channels.
type convBiasKernel struct {
	companion
	conv conv.Conv
}

func (k *convBiasKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.conv.GradBias(w, in[0].Float32s(), out.Float32s())
}

func (k *convBiasKernel) addTo(c *convGradients, out nd.Array, _ []nd.Array) { c.gb = out.Float32s() }

// kept is embedded by kernels of convolutions, whose weights are the second input.
type kept struct{ form *conv.Kept }

// Weights is the number of the input that holds the weights.
func (k *kept) Weights() int { return 1 }

// Form implements [Keeper]. A form has at most four elements for each weight. For outputs of more
// positions it takes next to no time to make it.
func (k *kept) Form(weights, out []int, _ bool) int64 {
	const forms, positions = 4, 1 << 13
	if nd.Size(out) > positions*out[1] {
		return 0
	}
	return 4 * forms * int64(nd.Size(weights))
}

func (k *kept) Keep() { k.form = new(conv.Kept) }

func (k *kept) Forget() { k.form.Forget() }
