package kernel

import "math"

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
}

// MaxForward sets y to the maximum of each window of x: NaN if it holds one,
// -Inf if it lies in the padding altogether. (onnxruntime 1.2x keeps a NaN or
// not depending on where in the window it stands.)
func (p *Pool) MaxForward(w *Workers, x, y []float32) {
	g := newGeometry(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)
	p.planes(w, &g, func(in, out int) {
		xi, yi := x[in:in+g.in.size()], y[out:out+g.out.size()]
		g.windows(func(q int, w *window) {
			_, yi[q] = w.max(xi)
		})
	})
}

// MaxGrad overwrites gx with the gradient of [Pool.MaxForward]'s x: the first
// maximum of a window, in row-major order, takes all of its gradient.
func (p *Pool) MaxGrad(w *Workers, x, gy, gx []float32) {
	g := newGeometry(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)
	p.planes(w, &g, func(in, out int) {
		xi, gxi, gyi := x[in:in+g.in.size()], gx[in:in+g.in.size()], gy[out:out+g.out.size()]
		clear(gxi)
		g.windows(func(q int, w *window) {
			if at, _ := w.max(xi); at >= 0 {
				gxi[at] += gyi[q]
			}
		})
	})
}

// AvgForward sets y to the mean of each window of x.
func (p *Pool) AvgForward(w *Workers, x, y []float32) {
	g := newGeometry(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)
	p.planes(w, &g, func(in, out int) {
		xi, yi := x[in:in+g.in.size()], y[out:out+g.out.size()]
		g.windows(func(q int, w *window) {
			var s float32
			w.each(func(at int) { s += xi[at] })
			yi[q] = s / p.divisor(&g, w)
		})
	})
}

// AvgGrad overwrites gx with the gradient of [Pool.AvgForward]'s x.
func (p *Pool) AvgGrad(w *Workers, gy, gx []float32) {
	g := newGeometry(p.In, p.Kernel, p.Out, p.Stride, p.Dilation, p.Pad)
	p.planes(w, &g, func(in, out int) {
		gxi, gyi := gx[in:in+g.in.size()], gy[out:out+g.out.size()]
		clear(gxi)
		g.windows(func(q int, w *window) {
			v := gyi[q] / p.divisor(&g, w)
			w.each(func(at int) { gxi[at] += v })
		})
	})
}

// divisor returns how many positions of a window an average counts, at least 1.
func (p *Pool) divisor(g *geometry, w *window) float32 {
	n := 1
	for a := range 3 {
		if !p.IncludePad {
			n *= w.n[a]
			continue
		}
		end := 0
		if i := a - 3 + len(p.In); i >= 0 {
			end = p.Pad[i]
			if p.PadEnd != nil {
				end = p.PadEnd[i]
			}
		}
		inside := 0
		for t := range g.kernel[a] {
			if i := w.q[a]*g.stride[a] - g.pad[a] + t*g.dilation[a]; i < g.in[a]+end {
				inside++
			}
		}
		n *= inside
	}
	return float32(max(n, 1))
}

func (p *Pool) planes(w *Workers, g *geometry, f func(in, out int)) {
	w.For(p.Planes, grainOf(g.out.size()*g.kernel.size()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i*g.in.size(), i*g.out.size())
		}
	})
}

// window is the part of a pooling window that lies inside the input.
type window struct {
	g     *geometry
	q     [3]int // output position
	first [3]int // first input index inside, on each axis
	n     [3]int // how many inside
}

// windows calls f for every output position, in row-major order.
func (g *geometry) windows(f func(q int, w *window)) {
	w := window{g: g}
	for q := range g.out.size() {
		w.q = [3]int{q / (g.out[1] * g.out[2]), q / g.out[2] % g.out[1], q % g.out[2]}
		for a := range 3 {
			start := w.q[a]*g.stride[a] - g.pad[a]
			skip := 0
			if start < 0 {
				skip = (-start + g.dilation[a] - 1) / g.dilation[a]
			}
			w.first[a] = start + skip*g.dilation[a]
			w.n[a] = 0
			if w.first[a] < g.in[a] {
				w.n[a] = max(0, min(g.kernel[a]-skip, (g.in[a]-w.first[a]+g.dilation[a]-1)/g.dilation[a]))
			}
		}
		f(q, &w)
	}
}

// each calls f with the index of every input element of the window.
func (w *window) each(f func(at int)) {
	g := w.g
	for a := range w.n[0] {
		for b := range w.n[1] {
			at := ((w.first[0]+a*g.dilation[0])*g.in[1]+w.first[1]+b*g.dilation[1])*g.in[2] + w.first[2]
			for range w.n[2] {
				f(at)
				at += g.dilation[2]
			}
		}
	}
}

// max returns the first maximum and its index, -1 for an empty window.
func (w *window) max(x []float32) (at int, v float32) {
	at, v = -1, float32(math.Inf(-1))
	w.each(func(i int) {
		if at < 0 || x[i] > v || x[i] != x[i] && v == v {
			at, v = i, x[i]
		}
	})
	return at, v
}
