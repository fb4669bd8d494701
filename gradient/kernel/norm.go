package kernel

import "math"

// LayerNorm normalises each of rows runs of n elements to mean 0 and variance
// 1 (eps is added to the variance) and, unless they are nil, multiplies by
// scale and adds bias, both of n elements. This is ONNX LayerNormalization
// with the trailing axes flattened.
func LayerNorm(w *Workers, rows, n int, eps float32, x, scale, bias, y []float32) {
	w.For(rows, grainOf(n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
			mean, inv := moments(xr, eps)
			for i, v := range xr {
				v = (v - mean) * inv
				if scale != nil {
					v *= scale[i]
				}
				if bias != nil {
					v += bias[i]
				}
				yr[i] = v
			}
		}
	})
}

// LayerNormGrad overwrites gx, gscale and gbias, any of which may be nil, with
// the gradients of [LayerNorm]'s x, scale and bias. With h the normalised x and
// g = gy·scale,
//
//	gx = (g - mean(g) - h·mean(g·h)) / sqrt(var + eps)
func LayerNormGrad(w *Workers, rows, n int, eps float32, x, scale, gy, gx, gscale, gbias []float32) {
	sums := newColumnSums(rows, n, gscale, gbias)
	defer sums.free()
	w.For(sums.parts, 1, func(lo, hi int) {
		for part := lo; part < hi; part++ {
			gs, gb := sums.part(part)
			for r := part * sums.rows; r < min((part+1)*sums.rows, rows); r++ {
				layerNormGradRow(n, eps, x[r*n:(r+1)*n], scale, gy[r*n:(r+1)*n], row(gx, r, n), gs, gb)
			}
		}
	})
	sums.add(w)
}

func layerNormGradRow(n int, eps float32, x, scale, gy, gx, gs, gb []float32) {
	mean, inv := moments(x, eps)
	var sum, dot float32
	for i, v := range x {
		g, h := gy[i], (v-mean)*inv
		if gs != nil {
			gs[i] += g * h
		}
		if gb != nil {
			gb[i] += g
		}
		if scale != nil {
			g *= scale[i]
		}
		sum += g
		dot += g * h
	}
	if gx == nil {
		return
	}
	sum /= float32(n)
	dot /= float32(n)
	for i, v := range x {
		g := gy[i]
		if scale != nil {
			g *= scale[i]
		}
		gx[i] = (g - sum - (v-mean)*inv*dot) * inv
	}
}

// moments returns the mean of x and 1/sqrt(variance + eps).
func moments(x []float32, eps float32) (mean, inv float32) {
	n := float32(len(x))
	mean = sum(x) / n
	var v float32
	for _, e := range x {
		v += (e - mean) * (e - mean)
	}
	return mean, float32(1 / math.Sqrt(float64(v/n+eps)))
}

// ScaleShift computes y = x·a[c] + b[c] for x of shape [n, c, s]: inference
// with BatchNormalization, a and b made from its four vectors.
func ScaleShift(w *Workers, n, c, s int, x, a, b, y []float32) {
	w.For(n*c, grainOf(s), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f, d := a[i%c], b[i%c]
			yi := y[i*s : (i+1)*s]
			for j, v := range x[i*s : (i+1)*s] {
				yi[j] = v*f + d
			}
		}
	})
}

// ScaleShiftGrad overwrites gx, ga and gb, any of which may be nil, with the
// gradients of [ScaleShift]'s x, a and b.
func ScaleShiftGrad(w *Workers, n, c, s int, x, a, gy, gx, ga, gb []float32) {
	w.For(c, grainOf(n*s), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			var da, db float32
			for i := ch; i < n*c; i += c {
				g := gy[i*s : (i+1)*s]
				if gx != nil {
					gi := gx[i*s : (i+1)*s]
					for j, v := range g {
						gi[j] = v * a[ch]
					}
				}
				if ga != nil {
					da += dot(g, x[i*s:(i+1)*s])
				}
				if gb != nil {
					db += sum(g)
				}
			}
			if ga != nil {
				ga[ch] = da
			}
			if gb != nil {
				gb[ch] = db
			}
		}
	})
}

// sumPlanes sets out[c] to the sum of x[·, c, ·], x being [n, c, s].
func sumPlanes(w *Workers, n, c, s int, x, out []float32) {
	w.For(c, grainOf(n*s), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			var t float32
			for i := ch; i < n*c; i += c {
				t += sum(x[i*s : (i+1)*s])
			}
			out[ch] = t
		}
	})
}

// columnSums adds up rows into one or two vectors of n elements in parts of a
// fixed number of rows, so that the order of additions, and with it the
// result, does not depend on the number of threads.
type columnSums struct {
	parts, rows, n int
	out            [2][]float32
	buf            *[]float32
}

func newColumnSums(rows, n int, a, b []float32) *columnSums {
	const most = 32
	per := max(1, (rows+most-1)/most)
	s := &columnSums{parts: (rows + per - 1) / per, rows: per, n: n, out: [2][]float32{a, b}}
	s.buf = scratch(2 * s.parts * n)
	clear(*s.buf)
	return s
}

// part returns where to add up part i of either sum, nil for one not wanted.
func (s *columnSums) part(i int) (a, b []float32) {
	if s.out[0] != nil {
		a = (*s.buf)[2*i*s.n : (2*i+1)*s.n]
	}
	if s.out[1] != nil {
		b = (*s.buf)[(2*i+1)*s.n : (2*i+2)*s.n]
	}
	return a, b
}

func (s *columnSums) add(w *Workers) {
	for which, out := range s.out {
		if out == nil {
			continue
		}
		w.For(s.n, grainOf(s.parts), func(lo, hi int) {
			clear(out[lo:hi])
			for i := range s.parts {
				at := (2*i + which) * s.n
				for j, v := range (*s.buf)[at+lo : at+hi] {
					out[lo+j] += v
				}
			}
		})
	}
}

func (s *columnSums) free() { release(s.buf) }

// row returns row r of a matrix with n columns, or nil for no matrix.
func row(x []float32, r, n int) []float32 {
	if x == nil {
		return nil
	}
	return x[r*n : (r+1)*n]
}
