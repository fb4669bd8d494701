package simd_test

import (
	"math"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestClip: limits have no gradient, NaN stays NaN and has none either, for
// lengths that do and do not fill vectors.
func TestClip(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	base := []float32{-2, -1, -0.5, 0, 2, 3, inf, -inf, nan, 1.9999}
	kerneltest.ForEachPath(t, func(t *testing.T) {
		for n := range 70 {
			x, gy, y, gx := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range x {
				x[i], gy[i] = base[i%len(base)], float32(i+1)
			}
			simd.Clip(y, x, -1, 2)
			simd.ClipGrad(gx, y, gy, -1, 2)
			for i, v := range x {
				want, g := min(max(v, -1), 2), float32(0)
				if v > -1 && v < 2 {
					g = gy[i]
				}
				if math.Float32bits(y[i]) != math.Float32bits(want) && (y[i] == y[i] || want == want) || gx[i] != g {
					t.Fatalf("length %d, element %d: clip %v = %v, gradient %v; want %v, %v", n, i, v, y[i], gx[i], want, g)
				}
			}
		}
	})
}
