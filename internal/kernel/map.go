package kernel

// Map calls f on corresponding pieces of y and x, in parallel: y[i] = f(x[i])
// for the slice functions of this package. y may be x where f allows that.
func Map(w *Workers, x, y []float32, f func(dst, src []float32)) {
	w.For(len(x), mapGrain, func(lo, hi int) { f(y[lo:hi], x[lo:hi]) })
}

// Relu sets y to max(x, 0), NaN staying NaN. y may be x.
func Relu(w *Workers, x, y []float32) { Map(w, x, y, ReluSlice) }

// ReluGrad sets gx to gy where y > 0 and to 0 elsewhere; y may be [Relu]'s
// output or its input. gx may be gy.
func ReluGrad(w *Workers, y, gy, gx []float32) {
	w.For(len(y), mapGrain, func(lo, hi int) {
		reluGradSlice(gx[lo:hi], y[lo:hi], gy[lo:hi])
	})
}
