package elementwise

import (
	"math"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

func TestGelu(t *testing.T) {
	phi := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	x := make([]float32, 4001)
	for i := range x {
		x[i] = float32(i-2000) / 100
	}
	kerneltest.ForEachPath(t, func(t *testing.T) {
		y, g, gy := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
		simd.Fill(gy, 2)
		Gelu(nil, x, y)
		GeluGrad(nil, x, gy, g)
		for i, v := range x {
			v := float64(v)
			slope := phi(v) + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
			if e := math.Abs(float64(y[i]) - v*phi(v)); e > 3e-7*math.Max(1, math.Abs(v)) {
				t.Errorf("gelu(%g) = %g, off by %g", v, y[i], e)
			}
			if e := math.Abs(float64(g[i]) - 2*slope); e > 1e-6 {
				t.Errorf("gelu'(%g) = %g, off by %g", v, g[i]/2, e)
			}
		}
	})
}
