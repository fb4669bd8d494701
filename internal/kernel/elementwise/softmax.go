package elementwise

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Softmax computes y = exp(x)/Σexp(x) over the middle axis of x, whose shape is [outer, n,
// inner]. y may be x. This is ONNX Softmax from opset 13.
func Softmax(w *parallel.Workers, outer, n, inner int, x, y []float32) {
	if inner == 1 {
		w.For(outer, parallel.GrainOf(4*n), func(lo, hi int) { simd.Softmax(n, y[lo*n:hi*n], x[lo*n:hi*n], 1) })
		return
	}
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		m, s := softmaxStats(n, inner, at, x)
		for i := range n {
			j := at + i*inner
			y[j] = simd.ExpOf(x[j]-m) / s
		}
	})
}

// SoftmaxGrad computes gx = y·(gy - Σ gy·y) from the output y of [Softmax]. gx may be gy.
func SoftmaxGrad(w *parallel.Workers, outer, n, inner int, y, gy, gx []float32) {
	if inner == 1 {
		rows(w, outer, n, func(at int) {
			yr, gr := y[at:at+n], gy[at:at+n]
			simd.MulShifted(gx[at:at+n], yr, gr, simd.Dot(yr, gr))
		})
		return
	}
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		var t float32
		for i := range n {
			t += gy[at+i*inner] * y[at+i*inner]
		}
		for i := range n {
			j := at + i*inner
			gx[j] = y[j] * (gy[j] - t)
		}
	})
}

// LogSoftmax computes y = x - log Σexp(x) over the middle axis of x, whose
// shape is [outer, n, inner]. y may be x. This is ONNX LogSoftmax from opset 13.
func LogSoftmax(w *parallel.Workers, outer, n, inner int, x, y []float32) {
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		m, s := softmaxStats(n, inner, at, x)
		t := float32(math.Log(float64(s)))
		for i := range n {
			j := at + i*inner
			y[j] = x[j] - m - t
		}
	})
}

// LogSoftmaxGrad computes gx = gy - exp(y)·Σgy from the output y of [LogSoftmax]. gx may be
// gy.
func LogSoftmaxGrad(w *parallel.Workers, outer, n, inner int, y, gy, gx []float32) {
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		var t float32
		for i := range n {
			t += gy[at+i*inner]
		}
		for i := range n {
			j := at + i*inner
			gx[j] = gy[j] - simd.ExpOf(y[j])*t
		}
	})
}

// softmaxStats returns the maximum of a lane and the sum of exp(x - maximum).
func softmaxStats(n, inner, at int, x []float32) (m, s float32) {
	m = float32(math.Inf(-1))
	for i := range n {
		m = max(m, x[at+i*inner])
	}
	for i := range n {
		s += simd.ExpOf(x[at+i*inner] - m)
	}
	return m, s
}

// rows calls f with the index of the first element of every row of n.
func rows(w *parallel.Workers, outer, n int, f func(at int)) {
	w.For(outer, parallel.GrainOf(4*n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			f(r * n)
		}
	})
}
