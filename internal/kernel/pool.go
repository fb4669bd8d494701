package kernel

// Pool describes pooling over 1 to 3 spatial axes of [Planes, In…], Planes
// being batch times channels, to [Planes, Out…]. Pad and PadEnd are the padding
// at the begin and end of each axis. IncludePad makes an average divide by the
// number of window positions inside the padded input, rather than inside the
// input; positions beyond PadEnd, which ceil_mode produces, never count. These
// are ONNX MaxPool and AveragePool (count_include_pad = IncludePad).
type Pool struct {
	Planes                                 int
	In, Kernel, Out, Stride, Dilation, Pad []int
	PadEnd                                 []int // only read with IncludePad; nil means Pad
	IncludePad                             bool

	// Then, unless nil, is called for ranges of elements [lo, hi) of gx in MaxGrad,
	// as soon as they are computed: see [Conv].
	Then func(lo, hi int)
}

// plane is the geometry of a plane.
type plane struct{ geometry }

func (p *Pool) plane() plane {
	return plane{newGeometry(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)}
}

// MaxForward sets y to the maximum of each window of x: NaN if it holds one,
// -Inf if it lies in the padding altogether. (onnxruntime 1.2x keeps a NaN or
// not depending on where in the window it stands.)
func (p *Pool) MaxForward(w *Workers, x, y []float32) {
	g := p.plane()
	if g.halves() {
		p.planes(w, &g, func(in, out int) { g.halveMax(x[in:], y[out:]) })
		return
	}
	if m := g.poolPhases(); g.out.size() > 0 {
		p.planes(w, &g, func(in, out int) { m.maxForward(x[in:], y[out:]) })
	}
}

// MaxGrad overwrites gx with the gradient of [Pool.MaxForward]'s x: the first
// maximum of a window, in row-major order, takes all of its gradient. (Where all
// of a window is -Inf its padding may be the first.)
func (p *Pool) MaxGrad(w *Workers, x, gy, gx []float32) {
	g := p.plane()
	if g.halves() {
		p.planesThen(w, &g, func(in, out int) {
			if 2*g.out[1] != g.in[1] || 2*g.out[2] != g.in[2] {
				clear(gx[in : in+g.in.size()])
			}
			g.halveMaxGrad(x[in:], gy[out:], gx[in:])
		})
		return
	}
	m := g.poolPhases()
	p.planesThen(w, &g, func(in, out int) {
		if g.out.size() == 0 {
			clear(gx[in : in+g.in.size()])
			return
		}
		m.maxGrad(x[in:], gy[out:], gx[in:])
	})
}

// MaxIndices sets at to the position in x of the first maximum of each window,
// -1 if it lies in the padding altogether: MaxPool's second output.
func (p *Pool) MaxIndices(w *Workers, x []float32, at []int64) {
	g := p.plane()
	p.firstMax(w, &g, x, func(plane int, first []int) {
		for i, k := range first {
			at[plane*len(first)+i] = int64(k)
		}
	})
}

// firstMax calls f for each plane with the position in x of the first maximum
// of each window, a NaN being larger than any number; -1 for an empty window.
func (p *Pool) firstMax(w *Workers, g *plane, x []float32, f func(plane int, first []int)) {
	taps, size := g.poolTaps(), g.out.size()
	w.For(p.Planes, grainOf(size*g.kernel.size()), func(lo, hi int) {
		best, first := make([]float32, size), make([]int, size)
		for plane := lo; plane < hi; plane++ {
			in := plane * g.in.size()
			for i := range first {
				first[i] = -1
			}
			g.rows(taps, func(row int, t *poolTap, at int) {
				br, fr := best[row+t.lo:row+t.hi], first[row+t.lo:row+t.hi]
				for i, k := 0, in+at; i < len(br); i, k = i+1, k+g.stride[2] {
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
func (p *Pool) AvgForward(w *Workers, x, y []float32) {
	g := p.plane()
	if g.out.size() == 0 {
		return
	}
	m, scale := g.poolPhases(), p.scale(&g)
	p.planes(w, &g, func(in, out int) {
		m.sumForward(x[in:], y[out:])
		MulSlice(y[out:out+len(scale)], y[out:out+len(scale)], scale)
	})
}

// AvgGrad overwrites gx with the gradient of [Pool.AvgForward]'s x.
func (p *Pool) AvgGrad(w *Workers, gy, gx []float32) {
	g := p.plane()
	if g.out.size() == 0 {
		clear(gx[:p.Planes*g.in.size()])
		return
	}
	m, scale := g.poolPhases(), p.scale(&g)
	p.planes(w, &g, func(in, out int) {
		buf := scratch(len(scale))
		defer release(buf)
		MulSlice(*buf, gy[out:out+len(scale)], scale)
		m.sumGrad(*buf, gx[in:])
	})
}

// scale returns, for each output of a plane, one over the number of positions
// that its average counts; they are at least 1.
func (p *Pool) scale(g *plane) []float32 {
	end := g.in // where positions cease to count
	for i, n := range p.In {
		if a := i + 3 - len(p.In); p.IncludePad && p.PadEnd != nil {
			end[a] = n + p.PadEnd[i]
		} else if p.IncludePad {
			end[a] = n + p.Pad[i]
		}
	}
	var count [3][]int
	for a := range count {
		for q := range g.out[a] {
			n := 0
			for t := range g.kernel[a] {
				i := q*g.stride[a] - g.pad[a] + t*g.dilation[a]
				if i < end[a] && (i >= 0 || p.IncludePad) {
					n++
				}
			}
			count[a] = append(count[a], n)
		}
	}
	scale := make([]float32, 0, g.out.size())
	for _, n0 := range count[0] {
		for _, n1 := range count[1] {
			for _, n2 := range count[2] {
				scale = append(scale, 1/float32(max(n0*n1*n2, 1)))
			}
		}
	}
	return scale
}

// planesThen is planes that calls Then as well.
func (p *Pool) planesThen(w *Workers, g *plane, f func(in, out int)) {
	size := g.in.size()
	w.For(p.Planes, grainOf(g.out.size()*g.kernel.size()), func(lo, hi int) {
		done := lo
		for i := lo; i < hi; i++ {
			f(i*size, i*g.out.size())
			if p.Then != nil && ((i+1-done)*size >= near/4 || i+1 == hi) {
				p.Then(done*size, (i+1)*size)
				done = i + 1
			}
		}
	})
}

func (p *Pool) planes(w *Workers, g *plane, f func(in, out int)) {
	w.For(p.Planes, grainOf(g.out.size()*g.kernel.size()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i*g.in.size(), i*g.out.size())
		}
	})
}

// poolTap is one position of the kernel, with the outputs of a row for which it
// lies inside the input.
type poolTap struct {
	t      vec3
	lo, hi int
}

// poolTaps returns the kernel's positions in row-major order.
func (g *plane) poolTaps() []poolTap {
	taps := make([]poolTap, 0, g.kernel.size())
	for a := range g.kernel[0] {
		for b := range g.kernel[1] {
			for c := range g.kernel[2] {
				t := poolTap{t: vec3{a, b, c}, hi: g.out[2]}
				start := c*g.dilation[2] - g.pad[2] // what output 0 reads
				if start < 0 {
					t.lo = min(g.out[2], (-start+g.stride[2]-1)/g.stride[2])
				}
				for t.hi > t.lo && start+(t.hi-1)*g.stride[2] >= g.in[2] {
					t.hi--
				}
				taps = append(taps, t)
			}
		}
	}
	return taps
}

// rows calls f for every row of outputs and every tap that reads the input
// there: row is the position of the row's first output, at that of the input
// element which output t.lo reads.
func (g *plane) rows(taps []poolTap, f func(row int, t *poolTap, at int)) {
	for q0 := range g.out[0] {
		for q1 := range g.out[1] {
			row := (q0*g.out[1] + q1) * g.out[2]
			for i := range taps {
				t := &taps[i]
				r := g.reads(vec3{q0, q1, t.lo}, t.t)
				if t.lo < t.hi && r[0] >= 0 && r[0] < g.in[0] && r[1] >= 0 && r[1] < g.in[1] {
					f(row, t, (r[0]*g.in[1]+r[1])*g.in[2]+r[2])
				}
			}
		}
	}
}
