package pool

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Pool describes pooling over 1 to 3 spatial axes, from shape [Planes, In…] to [Planes,
// Out…]. Planes is batch times channels. Pad and PadEnd are the padding at the beginning
// and end of each axis. With IncludePad an average divides by the number of window
// positions inside the padded input, without it by the number inside the input. Positions
// beyond PadEnd, which ceil_mode produces, never count. This is ONNX MaxPool and
// AveragePool, with count_include_pad = IncludePad.
type Pool struct {
	Planes                                 int
	In, Kernel, Out, Stride, Dilation, Pad []int
	PadEnd                                 []int // only read with IncludePad; nil means Pad
	IncludePad                             bool

	// Epilogue, unless nil, is called for ranges [lo, hi) of elements of gx in MaxGrad, as
	// soon as they are computed. Several threads call it concurrently.
	Epilogue func(lo, hi int)
}

// plane is the geometry of a plane.
type plane struct{ window.Geometry }

func (p *Pool) plane() plane {
	return plane{window.New(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)}
}

// MaxForward sets y to the maximum of each window of x. The maximum is NaN if the window
// holds one, and -Inf if the whole window is padding. (onnxruntime 1.2x keeps a NaN or not
// depending on its place in the window.)
func (p *Pool) MaxForward(w *parallel.Workers, x, y []float32) {
	g := p.plane()
	if g.halves() {
		p.planes(w, &g, func(in, out int) { g.halveMax(x[in:], y[out:]) })
		return
	}
	if m := g.poolPhases(); g.Out.Size() > 0 {
		p.planes(w, &g, func(in, out int) { m.maxForward(x[in:], y[out:]) })
	}
}

// MaxGrad overwrites gx with the gradient of x of [Pool.MaxForward]. The first maximum of a
// window, in row-major order, gets all of its gradient. (If all elements of a window are
// -Inf, its padding may be the first.)
func (p *Pool) MaxGrad(w *parallel.Workers, x, gy, gx []float32) {
	g := p.plane()
	if g.halves() {
		p.planesThen(w, &g, func(in, out int) {
			if 2*g.Out[1] != g.In[1] || 2*g.Out[2] != g.In[2] {
				clear(gx[in : in+g.In.Size()])
			}
			g.halveMaxGrad(x[in:], gy[out:], gx[in:])
		})
		return
	}
	m := g.poolPhases()
	p.planesThen(w, &g, func(in, out int) {
		if g.Out.Size() == 0 {
			clear(gx[in : in+g.In.Size()])
			return
		}
		m.maxGrad(x[in:], gy[out:], gx[in:])
	})
}

// MaxIndices sets at to the position in x of the first maximum of each window, -1 if the
// whole window is padding. It is the second output of MaxPool.
func (p *Pool) MaxIndices(w *parallel.Workers, x []float32, at []int64) {
	g := p.plane()
	p.firstMax(w, &g, x, func(plane int, first []int) {
		for i, k := range first {
			at[plane*len(first)+i] = int64(k)
		}
	})
}

// firstMax calls f for each plane with the position in x of the first maximum of each
// window. NaN counts as larger than any number. The position is -1 for an empty window.
func (p *Pool) firstMax(w *parallel.Workers, g *plane, x []float32, f func(plane int, first []int)) {
	taps, size := g.poolTaps(), g.Out.Size()
	w.For(p.Planes, parallel.GrainOf(size*g.Kernel.Size()), func(lo, hi int) {
		best, first := make([]float32, size), make([]int, size)
		for plane := lo; plane < hi; plane++ {
			in := plane * g.In.Size()
			for i := range first {
				first[i] = -1
			}
			g.rows(taps, func(row int, t *poolTap, at int) {
				br, fr := best[row+t.lo:row+t.hi], first[row+t.lo:row+t.hi]
				for i, k := 0, in+at; i < len(br); i, k = i+1, k+g.Stride[2] {
					v, b := x[k], br[i]
					if fr[i] < 0 || v > b || (v != v && b == b) {
						br[i], fr[i] = v, k
					}
				}
			})
			f(plane, first)
		}
	})
}

// AvgForward sets y to the mean of each window of x.
func (p *Pool) AvgForward(w *parallel.Workers, x, y []float32) {
	g := p.plane()
	if g.Out.Size() == 0 {
		return
	}
	m, scale := g.poolPhases(), p.scale(&g)
	p.planes(w, &g, func(in, out int) {
		m.sumForward(x[in:], y[out:])
		simd.Mul(y[out:out+len(scale)], y[out:out+len(scale)], scale)
	})
}

// AvgGrad overwrites gx with the gradient of x of [Pool.AvgForward].
func (p *Pool) AvgGrad(w *parallel.Workers, gy, gx []float32) {
	g := p.plane()
	if g.Out.Size() == 0 {
		clear(gx[:p.Planes*g.In.Size()])
		return
	}
	m, scale := g.poolPhases(), p.scale(&g)
	p.planes(w, &g, func(in, out int) {
		buf := scratch.Floats(len(scale))
		defer scratch.Free(buf)
		simd.Mul(*buf, gy[out:out+len(scale)], scale)
		m.sumGrad(*buf, gx[in:])
	})
}

// scale returns, for each output of a plane, the reciprocal of the number of positions that
// its average counts, which is at least 1.
func (p *Pool) scale(g *plane) []float32 {
	end := g.In // where positions cease to count
	for i, n := range p.In {
		if a := i + 3 - len(p.In); p.IncludePad && p.PadEnd != nil {
			end[a] = n + p.PadEnd[i]
		} else if p.IncludePad {
			end[a] = n + p.Pad[i]
		}
	}
	var count [3][]int
	for a := range count {
		for q := range g.Out[a] {
			n := 0
			for t := range g.Kernel[a] {
				i := q*g.Stride[a] - g.Pad[a] + t*g.Dilation[a]
				if i < end[a] && (i >= 0 || p.IncludePad) {
					n++
				}
			}
			count[a] = append(count[a], n)
		}
	}
	scale := make([]float32, 0, g.Out.Size())
	for _, n0 := range count[0] {
		for _, n1 := range count[1] {
			for _, n2 := range count[2] {
				scale = append(scale, 1/float32(max(n0*n1*n2, 1)))
			}
		}
	}
	return scale
}

// planesThen is planes followed by the epilogue.
func (p *Pool) planesThen(w *parallel.Workers, g *plane, f func(in, out int)) {
	size := g.In.Size()
	w.For(p.Planes, parallel.GrainOf(g.Out.Size()*g.Kernel.Size()), func(lo, hi int) {
		done := lo
		for i := lo; i < hi; i++ {
			f(i*size, i*g.Out.Size())
			if p.Epilogue != nil && ((i+1-done)*size >= simd.NearL2/4 || i+1 == hi) {
				p.Epilogue(done*size, (i+1)*size)
				done = i + 1
			}
		}
	})
}

// planes calls f, in parallel, for every plane, with its first element in input and output.
func (p *Pool) planes(w *parallel.Workers, g *plane, f func(in, out int)) {
	w.For(p.Planes, parallel.GrainOf(g.Out.Size()*g.Kernel.Size()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i*g.In.Size(), i*g.Out.Size())
		}
	})
}

// poolTap is a position of the kernel with those outputs of a row for which it reads inside
// the input.
type poolTap struct {
	t      window.Vec3
	lo, hi int
}

// poolTaps returns the kernel's positions in row-major order.
func (g *plane) poolTaps() []poolTap {
	taps := make([]poolTap, 0, g.Kernel.Size())
	for a := range g.Kernel[0] {
		for b := range g.Kernel[1] {
			for c := range g.Kernel[2] {
				t := poolTap{t: window.Vec3{a, b, c}, hi: g.Out[2]}
				start := c*g.Dilation[2] - g.Pad[2] // what output 0 reads
				if start < 0 {
					t.lo = min(g.Out[2], (-start+g.Stride[2]-1)/g.Stride[2])
				}
				for t.hi > t.lo && start+(t.hi-1)*g.Stride[2] >= g.In[2] {
					t.hi--
				}
				taps = append(taps, t)
			}
		}
	}
	return taps
}

// rows calls f for every row of outputs and every tap that reads the input there. row is
// the position of the first output of the row; at is that of the input element which output
// t.lo reads.
func (g *plane) rows(taps []poolTap, f func(row int, t *poolTap, at int)) {
	for q0 := range g.Out[0] {
		for q1 := range g.Out[1] {
			row := (q0*g.Out[1] + q1) * g.Out[2]
			for i := range taps {
				t := &taps[i]
				r := g.Reads(window.Vec3{q0, q1, t.lo}, t.t)
				if t.lo < t.hi && r[0] >= 0 && r[0] < g.In[0] && r[1] >= 0 && r[1] < g.In[1] {
					f(row, t, (r[0]*g.In[1]+r[1])*g.In[2]+r[2])
				}
			}
		}
	}
}
