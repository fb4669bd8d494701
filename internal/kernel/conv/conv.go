package conv

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Conv describes a convolution in the sense of machine learning, without flipping the
// kernel, over 1 to 3 spatial axes:
//
//	y[n, o, p] = bias[o] + Σ_{c, t} weight[o, c, t] · x[n, g·C/G + c, p·Stride + t·Dilation - Pad]
//
// x has shape [N, C, In…] and is zero outside; weight has shape [O, C/G, Kernel…] and y [N,
// O, Out…]. g is the group of output channel o. Pad is the padding at the beginning of each
// axis; the padding at the end follows from Out. This is ONNX Conv. ConvTranspose is
// [Conv.GradInput] of the convolution that it transposes.
//
// The methods panic if slices are shorter than the shapes say, or there are no channels.
type Conv struct {
	Batch, Group, InChannels, OutChannels  int
	In, Kernel, Out, Stride, Dilation, Pad []int

	// Epilogue, unless nil, is called for ranges [lo, hi) of elements of y in Forward and of
	// gx in GradInput, as soon as they are computed and while they are in cache. It is the
	// place for what follows elementwise. Several threads call it concurrently, once for every
	// element.
	Epilogue func(lo, hi int)
	// Clamp, unless nil, is applied to y in Forward, before the epilogue.
	Clamp *plan.Clamp
	// Gate, unless nil, is applied to gx in GradInput, before the epilogue.
	Gate *plan.Gate
	// Kept, unless nil, is where Forward and GradInput find the weights in the form that their
	// method needs, if they had the same ones before. Each wants one of its own.
	Kept *plan.Kept
	// Prefetch lists arrays of the size of that result which the epilogue reads. They may be
	// prefetched.
	Prefetch [][]float32
}

func (c *Conv) plan() *plan.Conv {
	g := window.New(c.In, c.Kernel, c.Out, c.Stride, c.Dilation, c.Pad)
	if c.Group < 1 || c.InChannels < 1 || c.OutChannels < 1 || c.InChannels%c.Group != 0 || c.OutChannels%c.Group != 0 {
		panic(fmt.Sprintf("conv: %d input and %d output channels in %d groups", c.InChannels, c.OutChannels, c.Group))
	}
	p := &plan.Conv{Geometry: g, Batch: c.Batch, Group: c.Group, InChannels: c.InChannels / c.Group, OutChannels: c.OutChannels / c.Group, Taps: g.Kernel.Size(), Clamp: c.Clamp, Gate: c.Gate, Epilogue: c.Epilogue, Prefetch: c.Prefetch, Kept: c.Kept}
	p.XSize, p.YSize, p.WSize = p.InChannels*g.In.Size(), p.OutChannels*g.Out.Size(), p.OutChannels*p.InChannels*p.Taps
	return p
}

// Forward computes y from x and weight; bias has OutChannels elements or is nil.
func (c *Conv) Forward(w *parallel.Workers, x, weight, bias, y []float32) {
	p := c.plan()
	p.Check(x, weight, y)
	clampAfter(p, y)
	forward := task{Conv: p}
	forward.compute(w, x, weight, bias, y)
}

// GradInput overwrites gx, the gradient of x, from gy, that of y.
func (c *Conv) GradInput(w *parallel.Workers, gy, weight, gx []float32) {
	p := c.plan()
	p.Check(gx, weight, gy)
	gateAfter(p, gx)
	adjoint := task{Conv: p, adjoint: true}
	adjoint.compute(w, gy, weight, nil, gx)
}

// GradWeight overwrites gw, the gradient of weight, from x and gy. Unless gb is nil it
// computes the gradient of the bias as well, like [Conv.GradBias], and takes the sums while
// gy is in cache.
func (c *Conv) GradWeight(w *parallel.Workers, x, gy, gw, gb []float32) {
	p := c.plan()
	p.Check(x, gw, gy)
	gradWeightBias(p, w, x, gy, gw, gb)
}

// Gradients is [Conv.GradWeight] and [Conv.GradInput]. It computes both at once where that
// saves reading x and gy from memory again. If [Conv.Gates] holds, gx may be x, the Y of
// the gate.
func (c *Conv) Gradients(w *parallel.Workers, x, gy, weight, gx, gw, gb []float32) {
	p := c.plan()
	p.Check(x, gw, gy)
	p.Check(gx, weight, gy)
	if gates(p) && p.Group >= 4*w.Threads() {
		p.InputGrad = &plan.InputGradient{Weight: weight, Gx: gx}
		gradWeightBias(p, w, x, gy, gw, gb)
		return
	}
	gradWeightBias(p, w, x, gy, gw, gb)
	c.GradInput(w, gy, weight, gx)
}

// gradWeightBias computes the gradients of the weights and, unless gb is nil, of the bias.
func gradWeightBias(p *plan.Conv, w *parallel.Workers, x, gy, gw, gb []float32) {
	m := methodForWeights(p)
	channels := p.Group * p.OutChannels
	switch {
	case m.runBias != nil:
		m.runBias(p, w, x, gy, gw, gb)
	case gb == nil:
		m.run(p, w, x, gy, gw)
	case p.Out.Size() < nearPlane && !p.Pointwise() || p.XSize == 0 || isDense(p):
		m.run(p, w, x, gy, gw)
		sumPlanes(w, p.Batch, channels, p.Out.Size(), gy, gb)
	default:
		sums := scratch.Floats(p.Batch * channels)
		defer scratch.Free(sums)
		p.BiasSums = *sums
		clear(p.BiasSums)
		m.run(p, w, x, gy, gw)
		gb = gb[:channels]
		clear(gb)
		for n := range p.Batch {
			simd.Add(gb, gb, p.BiasSums[n*channels:(n+1)*channels])
		}
	}
}

// GradBias overwrites gb, the gradient of bias, with the sums of gy over the batch and all
// positions.
func (c *Conv) GradBias(w *parallel.Workers, gy, gb []float32) {
	p := c.plan()
	sumPlanes(w, c.Batch, c.OutChannels, p.Out.Size(), gy, gb)
}
