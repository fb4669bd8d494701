package elementwise

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Gelu sets y to [GeluSlice] of x. y may be x.
func Gelu(w *parallel.Workers, x, y []float32) { Map(w, x, y, simd.Gelu) }

// GeluGrad sets gx to gy·(Φ(x) + x·φ(x)), with φ the normal density. gx may be
// gy.
func GeluGrad(w *parallel.Workers, x, gy, gx []float32) {
	w.For(len(x), parallel.MinWork, func(lo, hi int) {
		simd.GeluGrad(gx[lo:hi], x[lo:hi], gy[lo:hi])
	})
}
