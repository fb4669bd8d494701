package kernel

import "math"

// RMSNorm divides each of rows runs of n elements by the root of the mean of
// its squares plus eps, and multiplies by scale, of n elements. This is ONNX
// RMSNormalization with the trailing axes flattened.
func RMSNorm(w *Workers, rows, n int, eps float32, x, scale, y []float32) {
	w.For(rows, grainOf(n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
			inv := inverseRMS(xr, eps)
			s := scale[:len(xr)]
			for i, v := range xr {
				yr[i] = v * inv * s[i]
			}
		}
	})
}

// RMSNormGrad overwrites gx and gscale, either of which may be nil, with the
// gradients of [RMSNorm]'s x and scale. With r the factor that x is multiplied
// by before scale, and g = gy·scale,
//
//	gx = r·(g - x·r²·mean(g·x))        gscale = Σ gy·x·r over the rows
func RMSNormGrad(w *Workers, rows, n int, eps float32, x, scale, gy, gx, gscale []float32) {
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
	gy = gy[:len(x)]
	if gs != nil {
		gs = gs[:len(x)]
		for i, v := range x {
			gs[i] += gy[i] * v * inv
		}
	}
	if gx == nil {
		return
	}
	gx = gx[:len(x)]
	for i, s := range scale {
		gx[i] = gy[i] * s
	}
	f := dot(gx, x) / float32(len(x)) * inv * inv
	for i, v := range x {
		gx[i] = inv * (gx[i] - v*f)
	}
}

func inverseRMS(x []float32, eps float32) float32 {
	return float32(1 / math.Sqrt(float64(dot(x, x)/float32(len(x))+eps)))
}
