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
}

// geometry is a Conv or Pool whose spatial part has three axes, the missing
// ones in front having extent 1.
type geometry struct {
	in, kernel, out, stride, dilation, pad [3]int
}

func (g *geometry) inSize() int  { return g.in[0] * g.in[1] * g.in[2] }
func (g *geometry) outSize() int { return g.out[0] * g.out[1] * g.out[2] }
func (g *geometry) taps() int    { return g.kernel[0] * g.kernel[1] * g.kernel[2] }

func newGeometry(in, kernel, out, stride, dilation, pad []int) geometry {
	rank := len(in)
	if rank < 1 || rank > 3 {
		panic(fmt.Sprintf("kernel: %d spatial axes, want 1 to 3", rank))
	}
	extend := func(name string, v []int, least, missing int) (r [3]int) {
		if len(v) != rank {
			panic(fmt.Sprintf("kernel: %s %v for %d spatial axes", name, v, rank))
		}
		for i := range r {
			r[i] = missing
		}
		for i, x := range v {
			if x < least {
				panic(fmt.Sprintf("kernel: %s %v, want at least %d", name, v, least))
			}
			r[3-rank+i] = x
		}
		return r
	}
	return geometry{
		in:       extend("input", in, 0, 1),
		kernel:   extend("kernel", kernel, 1, 1),
		out:      extend("output", out, 0, 1),
		stride:   extend("stride", stride, 1, 1),
		dilation: extend("dilation", dilation, 1, 1),
		pad:      extend("padding", pad, 0, 0),
	}
}

// convPlan is a checked Conv with the sizes the kernels use.
type convPlan struct {
	geometry
	batch, group int
	ic, oc       int // channels a group
}

func (c *Conv) plan() convPlan {
	g := newGeometry(c.In, c.Kernel, c.Out, c.Stride, c.Dilation, c.Pad)
	if c.Group < 1 || c.InChannels%c.Group != 0 || c.OutChannels%c.Group != 0 {
		panic(fmt.Sprintf("kernel: %d input and %d output channels in %d groups", c.InChannels, c.OutChannels, c.Group))
	}
	return convPlan{g, c.Batch, c.Group, c.InChannels / c.Group, c.OutChannels / c.Group}
}

func (p *convPlan) xSize() int { return p.ic * p.inSize() }  // of one image and group
func (p *convPlan) ySize() int { return p.oc * p.outSize() } // of one image and group
func (p *convPlan) wSize() int { return p.oc * p.ic * p.taps() }

// Forward computes y from x and weight; bias has OutChannels elements or is nil.
func (c *Conv) Forward(w *Workers, x, weight, bias, y []float32) {
	p := c.plan()
	w.For(p.batch*p.group, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			g := i % p.group
			out := y[i*p.ySize() : (i+1)*p.ySize()]
			if bias != nil {
				for o := range p.oc {
					fill(out[o*p.outSize():(o+1)*p.outSize()], bias[g*p.oc+o])
				}
			}
			product{
				m: p.oc, n: p.outSize(), k: p.ic * p.taps(), alpha: 1,
				a: matrix{weight[g*p.wSize():], p.ic * p.taps(), 1},
				b: &columns{p, x[i*p.xSize() : (i+1)*p.xSize()]},
				c: out, ldc: p.outSize(), add: bias != nil,
			}.run(nil)
		}
	})
}

// GradInput overwrites gx, the gradient of x, from gy, that of y.
func (c *Conv) GradInput(w *Workers, gy, weight, gx []float32) {
	p := c.plan()
	w.For(p.batch*p.group, 1, func(lo, hi int) {
		col := scratch(p.ic * p.taps() * p.outSize())
		defer release(col)
		for i := lo; i < hi; i++ {
			g := i % p.group
			Gemm(nil, true, false, p.ic*p.taps(), p.outSize(), p.oc, 1, weight[g*p.wSize():], p.ic*p.taps(),
				gy[i*p.ySize():], p.outSize(), 0, *col, p.outSize())
			gxi := gx[i*p.xSize() : (i+1)*p.xSize()]
			clear(gxi)
			p.eachTap(func(k, q, at int) { gxi[at] += (*col)[k*p.outSize()+q] })
		}
	})
}

// GradWeight overwrites gw, the gradient of weight, from x and gy.
func (c *Conv) GradWeight(w *Workers, x, gy, gw []float32) {
	p := c.plan()
	w.For(p.group, 1, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			out := gw[g*p.wSize() : (g+1)*p.wSize()]
			clear(out)
			for n := range p.batch {
				i := n*p.group + g
				product{
					m: p.oc, n: p.ic * p.taps(), k: p.outSize(), alpha: 1,
					a: matrix{gy[i*p.ySize():], p.outSize(), 1},
					b: transposed{&columns{p, x[i*p.xSize() : (i+1)*p.xSize()]}},
					c: out, ldc: p.ic * p.taps(), add: true,
				}.run(nil)
			}
		}
	})
}

// GradBias overwrites gb, the gradient of bias, with the sums of gy over the
// batch and all positions.
func (c *Conv) GradBias(w *Workers, gy, gb []float32) {
	p := c.plan()
	sumPlanes(w, c.Batch, c.OutChannels, p.outSize(), gy, gb)
}

// columns is the matrix that im2col would write: a row for every input channel
// and tap, a column for every output position.
type columns struct {
	p convPlan
	x []float32
}

func (c *columns) pack(dst []float32, k0, k1, j0, j1, width int) {
	for k := k0; k < k1; k++ {
		row := dst[(k-k0)*width : (k-k0+1)*width]
		for j := j0; j < j1; j++ {
			row[j-j0] = c.at(k, j)
		}
		clear(row[j1-j0:])
	}
}

func (c *columns) at(k, j int) float32 {
	if at := c.p.index(k, j); at >= 0 {
		return c.x[at]
	}
	return 0
}

// index returns the input element that tap k (of all channels) reads at output
// position j, or -1 for padding.
func (p *convPlan) index(k, j int) int {
	ch := k / p.taps()
	at := ch
	t := k % p.taps()
	t3 := [3]int{t / (p.kernel[1] * p.kernel[2]), t / p.kernel[2] % p.kernel[1], t % p.kernel[2]}
	j3 := [3]int{j / (p.out[1] * p.out[2]), j / p.out[2] % p.out[1], j % p.out[2]}
	for a := range 3 {
		i := j3[a]*p.stride[a] + t3[a]*p.dilation[a] - p.pad[a]
		if i < 0 || i >= p.in[a] {
			return -1
		}
		at = at*p.in[a] + i
	}
	return at
}

func (p *convPlan) eachTap(f func(k, q, at int)) {
	for k := range p.ic * p.taps() {
		for q := range p.outSize() {
			if at := p.index(k, q); at >= 0 {
				f(k, q, at)
			}
		}
	}
}

type transposed struct{ of *columns }

func (t transposed) pack(dst []float32, k0, k1, j0, j1, width int) {
	for k := k0; k < k1; k++ {
		row := dst[(k-k0)*width : (k-k0+1)*width]
		for j := j0; j < j1; j++ {
			row[j-j0] = t.of.at(j, k)
		}
		clear(row[j1-j0:])
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
