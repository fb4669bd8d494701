package norm

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// LayerNorm normalises rows of n elements each to mean 0 and variance 1; eps is added to
// the variance. Unless they are nil, it then multiplies by scale and adds bias, which have
// n elements. This is ONNX LayerNormalization with the trailing axes flattened.
func LayerNorm(w *parallel.Workers, rows, n int, eps float32, x, scale, bias, y []float32) {
	s, t := orFilled(scale, n, 1), orFilled(bias, n, 0)
	defer s.free()
	defer t.free()
	w.For(rows, parallel.GrainOf(n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr := x[r*n : (r+1)*n]
			mean, inv := moments(xr, eps)
			simd.Normalize(y[r*n:(r+1)*n], xr, s.x, t.x, inv, -mean*inv)
		}
	})
}

// orFilled returns x, or n times the number v if x is nil.
func orFilled(x []float32, n int, v float32) filled {
	if x != nil {
		return filled{x: x[:n]}
	}
	buf := scratch.Floats(n)
	simd.Fill(*buf, v)
	return filled{*buf, buf}
}

type filled struct {
	x   []float32
	buf *[]float32 // to be released, or nil
}

func (f filled) free() {
	if f.buf != nil {
		scratch.Free(f.buf)
	}
}

// LayerNormGrad overwrites gx, gscale and gbias, any of which may be nil, with the
// gradients of x, scale and bias of [LayerNorm]. With h the normalised x and g = gy·scale,
//
//	gx = (g - mean(g) - h·mean(g·h)) / sqrt(var + eps)
func LayerNormGrad(w *parallel.Workers, rows, n int, eps float32, x, scale, gy, gx, gscale, gbias []float32) {
	sums := newColumnSums(rows, n, gscale, gbias)
	defer sums.free()
	s := orFilled(scale, n, 1)
	defer s.free()
	w.For(sums.parts, 1, func(lo, hi int) {
		for part := lo; part < hi; part++ {
			gs, gb := sums.part(part)
			for r := part * sums.rows; r < min((part+1)*sums.rows, rows); r++ {
				layerNormGradRow(eps, x[r*n:(r+1)*n], s.x, gy[r*n:(r+1)*n], row(gx, r, n), gs, gb)
			}
		}
	})
	sums.add(w)
}

func layerNormGradRow(eps float32, x, scale, gy, gx, gs, gb []float32) {
	mean, inv := moments(x, eps)
	if gs != nil {
		simd.AddNormalized(gs, x, gy, inv, -mean*inv)
	}
	if gb != nil {
		simd.Add(gb, gb, gy)
	}
	if gx == nil {
		return
	}
	g, gh := simd.NormalizeSums(x, scale, gy, inv, -mean*inv)
	g, gh = g/float32(len(x)), gh/float32(len(x))
	// This is (g_i - g - (x_i - mean)·inv·gh)·inv, sorted by factors.
	simd.NormalizeGrad(gx, x, scale, gy, inv, -inv*inv*gh, (mean*inv*gh-g)*inv)
}

// moments returns the mean of x and 1/sqrt(variance + eps).
func moments(x []float32, eps float32) (mean, inv float32) {
	n := float32(len(x))
	mean = simd.Sum(x) / n
	return mean, float32(1 / math.Sqrt(float64(simd.Squares(x, mean)/n+eps)))
}

// ScaleShiftSlice computes elements lo to hi of y = x·a[c] + b[c] for x of shape [n, c, s].
// This is BatchNormalization in inference, with a and b made from its four vectors. A nil b
// is zero. y may be x.
func ScaleShiftSlice(s, lo, hi int, x, a, b, y []float32) {
	for c := lo / s % len(a); lo < hi; c++ {
		if c == len(a) {
			c = 0
		}
		end := min((lo/s+1)*s, hi)
		var shift float32
		if b != nil {
			shift = b[c]
		}
		simd.Affine(y[lo:end], x[lo:end], a[c], shift)
		lo = end
	}
}

// ScaleShiftGrad overwrites ga and, unless it is nil, gb with the gradients by a and b of y
// = x·a[c] + b[c]. x has shape [n, c, s].
func ScaleShiftGrad(w *parallel.Workers, n, c, s int, x, gy, ga, gb []float32) {
	w.For(c, parallel.GrainOf(n*s), func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			var da, db float32
			for i := ch; i < n*c; i += c {
				g := gy[i*s : (i+1)*s]
				da += simd.Dot(g, x[i*s:(i+1)*s])
				if gb != nil {
					db += simd.Sum(g)
				}
			}
			ga[ch] = da
			if gb != nil {
				gb[ch] = db
			}
		}
	})
}

// columnSums adds up rows into one or two vectors of n elements. It does so in parts of a
// fixed number of rows, so that the order of additions, and with it the result, does not
// depend on the number of threads.
type columnSums struct {
	parts, rows, n int
	out            [2][]float32
	buf            *[]float32
}

func newColumnSums(rows, n int, a, b []float32) *columnSums {
	const most = 32
	per := max(1, (rows+most-1)/most)
	s := &columnSums{parts: (rows + per - 1) / per, rows: per, n: n, out: [2][]float32{a, b}}
	s.buf = scratch.Floats(2 * s.parts * n)
	clear(*s.buf)
	return s
}

// part returns the vectors in which to add up part i of either sum, nil for one that is not
// wanted.
func (s *columnSums) part(i int) (a, b []float32) {
	if s.out[0] != nil {
		a = (*s.buf)[2*i*s.n : (2*i+1)*s.n]
	}
	if s.out[1] != nil {
		b = (*s.buf)[(2*i+1)*s.n : (2*i+2)*s.n]
	}
	return a, b
}

func (s *columnSums) add(w *parallel.Workers) {
	for which, out := range s.out {
		if out == nil {
			continue
		}
		w.For(s.n, parallel.GrainOf(s.parts), func(lo, hi int) {
			clear(out[lo:hi])
			for i := range s.parts {
				at := (2*i + which) * s.n
				simd.Add(out[lo:hi], out[lo:hi], (*s.buf)[at+lo:at+hi])
			}
		})
	}
}

func (s *columnSums) free() { scratch.Free(s.buf) }

// row returns row r of a matrix with n columns, or nil for no matrix.
func row(x []float32, r, n int) []float32 {
	if x == nil {
		return nil
	}
	return x[r*n : (r+1)*n]
}
