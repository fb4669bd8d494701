package elementwise

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Map calls f on corresponding pieces of y and x, in parallel: y[i] = f(x[i]) for functions
// such as [simd.Exp]. y may be x where f allows that.
func Map(w *parallel.Workers, x, y []float32, f func(dst, src []float32)) {
	w.For(len(x), parallel.MinWork, func(lo, hi int) { f(y[lo:hi], x[lo:hi]) })
}

// Relu sets y to max(x, 0), NaN staying NaN. y may be x.
func Relu(w *parallel.Workers, x, y []float32) { Map(w, x, y, simd.Relu) }

// ReluGrad sets gx to gy where y > 0 and to 0 elsewhere. y may be the output of [Relu] or
// its input. gx may be gy.
func ReluGrad(w *parallel.Workers, y, gy, gx []float32) {
	w.For(len(y), parallel.MinWork, func(lo, hi int) {
		simd.ReluGrad(gx[lo:hi], y[lo:hi], gy[lo:hi])
	})
}
