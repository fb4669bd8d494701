package norm

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// LpNormalize divides x, of shape [outer, n, inner], by the Lp norm along its middle axis;
// p is 1 or 2. Where the norm is 0, so is y. This is ONNX LpNormalization.
func LpNormalize(w *parallel.Workers, p, outer, n, inner int, x, y []float32) {
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		norm := lpNorm(p, n, inner, at, x)
		for i := range n {
			j := at + i*inner
			y[j] = 0
			if norm > 0 {
				y[j] = x[j] / norm
			}
		}
	})
}

// LpNormalizeGrad overwrites gx with the gradient of x of [LpNormalize]. With y its output,
//
//	gx = (gy - d·Σ gy·y)/norm, where d is y for p = 2 and the sign of x for p = 1
//
// and 0 where the norm is 0.
func LpNormalizeGrad(w *parallel.Workers, p, outer, n, inner int, x, gy, gx []float32) {
	parallel.ForLanes(w, outer, n, inner, func(at int) {
		norm := lpNorm(p, n, inner, at, x)
		var t float32
		for i := range n {
			j := at + i*inner
			t += gy[j] * x[j]
		}
		for i := range n {
			j := at + i*inner
			d := x[j]
			switch {
			case norm == 0:
				gx[j] = 0
				continue
			case p == 2:
				d /= norm
			case d != 0:
				d = simd.CopySign(1, d)
			}
			gx[j] = (gy[j] - d*t/norm) / norm
		}
	})
}

func lpNorm(p, n, inner, at int, x []float32) float32 {
	var s float64
	for i := range n {
		v := float64(x[at+i*inner])
		if p == 2 {
			s += v * v
		} else {
			s += math.Abs(v)
		}
	}
	if p == 2 {
		s = math.Sqrt(s)
	}
	return float32(s)
}
