package kernel

// Gelu sets y to [GeluSlice] of x. y may be x.
func Gelu(w *Workers, x, y []float32) { Map(w, x, y, GeluSlice) }

// GeluGrad sets gx to gy·(Φ(x) + x·φ(x)), with φ the normal density. gx may be
// gy.
func GeluGrad(w *Workers, x, gy, gx []float32) {
	w.For(len(x), mapGrain, func(lo, hi int) {
		geluGradSlice(gx[lo:hi], x[lo:hi], gy[lo:hi])
	})
}
