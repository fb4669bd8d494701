package kernel

import "fmt"

// Conv describes a convolution (in the machine-learning sense, without
// flipping the kernel) over 1 to 3 spatial axes:
//
//	y[n, o, p] = bias[o] + Σ_{c, t} weight[o, c, t] · x[n, g·C/G + c, p·Stride + t·Dilation - Pad]
//
// with x of shape [N, C, In…] and zero outside, weight [O, C/G, Kernel…], y
// [N, O, Out…] and g the group of output channel o. Pad is the padding at the
// begin of each axis; that at the end follows from Out. This is ONNX Conv;
// ConvTranspose is [Conv.GradInput] of the convolution it transposes.
type Conv struct {
	Batch, Group, InChannels, OutChannels  int
	In, Kernel, Out, Stride, Dilation, Pad []int

	// Then, unless nil, is called for ranges of elements [lo, hi) of y in
	// Forward and of gx in GradInput, as soon as they are computed and while
	// they are still in cache: the place for what follows elementwise. It is
	// called by several threads at once, once for every element.
	Then func(lo, hi int)
	// Limits, unless nil, are applied to y in Forward, before Then is called.
	Limits *Limits
	// Gate, unless nil, is applied to gx in GradInput, before Then is called.
	Gate *Gate
	// Reads are arrays as large as that result whose elements Then reads as well:
	// they may be fetched ahead.
	Reads [][]float32
}

// convPlan is a checked Conv with the sizes that the kernels use.
type convPlan struct {
	geometry
	batch, group int
	ic, oc       int // channels a group
	taps         int
	xSize, ySize int // elements of one image and group
	wSize        int // elements of one group
	limits       *Limits
	gate         *Gate
	then         func(lo, hi int)
	also         [][]float32
	sums         []float32 // for the sum of every plane of gy, unless nil; see met
	turned       bool      // x and gy have changed places, see turn
	beside       *besideWeight
}

// finished passes on that elements lo to hi of the result are complete.
func (p *convPlan) finished(lo, hi int) {
	if p.then != nil && lo < hi {
		p.then(lo, hi)
	}
}

func (c *Conv) plan() *convPlan {
	g := newGeometry(c.In, c.Kernel, c.Out, c.Stride, c.Dilation, c.Pad)
	if c.Group < 1 || c.InChannels%c.Group != 0 || c.OutChannels%c.Group != 0 {
		panic(fmt.Sprintf("kernel: %d input and %d output channels in %d groups", c.InChannels, c.OutChannels, c.Group))
	}
	p := &convPlan{geometry: g, batch: c.Batch, group: c.Group, ic: c.InChannels / c.Group, oc: c.OutChannels / c.Group, taps: g.kernel.size(), limits: c.Limits, gate: c.Gate, then: c.Then, also: c.Reads}
	p.xSize, p.ySize, p.wSize = p.ic*g.in.size(), p.oc*g.out.size(), p.oc*p.ic*p.taps
	return p
}

// check panics unless the slices hold what the shapes call for.
func (p *convPlan) check(x, weight, y []float32) {
	images := p.batch * p.group
	if len(x) < images*p.xSize || len(weight) < p.group*p.wSize || len(y) < images*p.ySize {
		panic(fmt.Sprintf("kernel: convolution of %d, %d and %d elements, want %d, %d and %d", len(x), len(weight), len(y), images*p.xSize, p.group*p.wSize, images*p.ySize))
	}
}

// Forward computes y from x and weight; bias has OutChannels elements or is nil.
func (c *Conv) Forward(w *Workers, x, weight, bias, y []float32) {
	p := c.plan()
	p.check(x, weight, y)
	p.limitAfter(y)
	if p.dense() {
		p.denseForward(w, x, weight, bias, y)
		return
	}
	if s, ok := p.small(); ok && p.batch > 0 {
		s.forward(w, x, weight, bias, y)
		return
	}
	if d, ok := p.depthwise(); ok && len(x) > 0 && len(y) > 0 {
		d.forward(w, x, weight, bias, y)
		return
	}
	p.forward().run(w, x, weight, bias, y)
}

// GradInput overwrites gx, the gradient of x, from gy, that of y.
func (c *Conv) GradInput(w *Workers, gy, weight, gx []float32) {
	p := c.plan()
	p.check(gx, weight, gy)
	p.gateAfter(gx)
	if p.dense() {
		p.denseGradInput(w, gy, weight, gx)
		return
	}
	if s, ok := p.small(); ok && p.batch > 0 {
		s.gradInput(w, gy, weight, gx)
		return
	}
	if d, ok := p.depthwise(); ok && len(gx) > 0 && len(gy) > 0 {
		d.gradInput(w, gy, weight, gx)
		return
	}
	p.backward().run(w, gy, weight, nil, gx)
}

// GradWeight overwrites gw, the gradient of weight, from x and gy, and gb like
// GradBias unless it is nil: the sums are taken while gy is in cache.
func (c *Conv) GradWeight(w *Workers, x, gy, gw, gb []float32) {
	p := c.plan()
	p.check(x, gw, gy)
	p.gradWeightBias(w, x, gy, gw, gb)
}

// Gradients is GradWeight and GradInput, at once where that saves reading x and gy
// from memory again. If Gates, gx may be x, the Gate's Y.
func (c *Conv) Gradients(w *Workers, x, gy, weight, gx, gw, gb []float32) {
	p := c.plan()
	p.check(x, gw, gy)
	p.check(gx, weight, gy)
	if p.gates() && p.group >= 4*w.Threads() {
		p.beside = &besideWeight{weight, gx}
		p.gradWeightBias(w, x, gy, gw, gb)
		return
	}
	p.gradWeightBias(w, x, gy, gw, gb)
	c.GradInput(w, gy, weight, gx)
}

// besideWeight is a gradient by the input that is computed beside that of the
// weights.
type besideWeight struct{ weight, gx []float32 }

func (p *convPlan) gradWeightBias(w *Workers, x, gy, gw, gb []float32) {
	if s, ok := p.small(); ok && p.batch > 0 && !p.dense() {
		s.gradWeight(w, x, gy, gw, gb)
		return
	}
	channels := p.group * p.oc
	if gb == nil || p.out.size() < nearPlane && !p.pointwise() || p.xSize == 0 || p.dense() {
		p.gradWeight(w, x, gy, gw)
		if gb != nil {
			sumPlanes(w, p.batch, channels, p.out.size(), gy, gb)
		}
		return
	}
	sums := scratch(p.batch * channels)
	defer release(sums)
	p.sums = *sums
	clear(p.sums)
	p.gradWeight(w, x, gy, gw)
	gb = gb[:channels]
	clear(gb)
	for n := range p.batch {
		AddSlice(gb, gb, p.sums[n*channels:(n+1)*channels])
	}
}

// nearPlane is how many elements a plane of gy has whose sum is worth a place of
// its own; sumPlanes adds up smaller ones together.
const nearPlane = 64

// met sums the planes of an image and group of gy, if that is wanted: methods call
// it once for each, when they have just read it.
func (p *convPlan) met(x, gy []float32, at int) {
	channels := p.oc
	if p.turned {
		gy, channels = x, p.ic
	}
	p.metPlanes(gy, at*channels, channels)
}

// metPlanes is met for n planes of gy.
func (p *convPlan) metPlanes(gy []float32, first, n int) {
	if size := p.out.size(); p.sums != nil {
		sumEachSlice(p.sums[first:first+n], gy[first*size:], size)
	}
}

// gradWeight computes gw by the method for the convolution's kind.
func (p *convPlan) gradWeight(w *Workers, x, gy, gw []float32) {
	if p.dense() {
		p.denseGradWeight(w, x, gy, gw)
		return
	}
	if d, ok := p.depthwise(); ok && len(x) > 0 && len(gy) > 0 {
		d.gradWeight(w, x, gy, gw)
		return
	}
	p.generalGradWeight(w, x, gy, gw)
}

// GradBias overwrites gb, the gradient of bias, with the sums of gy over the
// batch and all positions.
func (c *Conv) GradBias(w *Workers, gy, gb []float32) {
	p := c.plan()
	sumPlanes(w, c.Batch, c.OutChannels, p.out.size(), gy, gb)
}
