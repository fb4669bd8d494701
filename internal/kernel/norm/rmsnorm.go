package norm

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// RMSNorm divides each of some rows of n elements by the square root of the mean of its
// squares plus eps, and multiplies by scale, which has n elements. This is ONNX
// RMSNormalization with the trailing axes flattened.
func RMSNorm(w *parallel.Workers, rows, n int, eps float32, x, scale, y []float32) {
	zeros := orFilled(nil, n, 0)
	defer zeros.free()
	w.For(rows, parallel.GrainOf(n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr := row(x, r, n)
			simd.Normalize(row(y, r, n), xr, scale[:n], zeros.x, inverseRMS(xr, eps), 0)
		}
	})
}

// RMSNormGrad overwrites gx and gscale, either of which may be nil, with the gradients of x
// and scale of [RMSNorm]. With r the factor by which x is multiplied before scale, and g =
// gy·scale,
//
//	gx = r·(g - x·r²·mean(g·x))        gscale = Σ gy·x·r over the rows
func RMSNormGrad(w *parallel.Workers, rows, n int, eps float32, x, scale, gy, gx, gscale []float32) {
	sums := newColumnSums(rows, n, gscale, nil)
	defer sums.free()
	w.For(sums.parts, 1, func(lo, hi int) {
		for part := lo; part < hi; part++ {
			gs, _ := sums.part(part)
			for r := part * sums.rows; r < min((part+1)*sums.rows, rows); r++ {
				rmsNormGradRow(eps, row(x, r, n), scale[:n], row(gy, r, n), row(gx, r, n), gs)
			}
		}
	})
	sums.add(w)
}

func rmsNormGradRow(eps float32, x, scale, gy, gx, gs []float32) {
	inv := inverseRMS(x, eps)
	if gs != nil {
		simd.AddNormalized(gs, x, gy, inv, 0)
	}
	if gx != nil {
		_, t := simd.NormalizeSums(x, scale, gy, inv, 0) // Σ g·x·r
		simd.NormalizeGrad(gx, x, scale, gy, inv, -inv*inv*t/float32(len(x)), 0)
	}
}

func inverseRMS(x []float32, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(simd.Dot(x, x)/float32(len(x))+eps)))
}
