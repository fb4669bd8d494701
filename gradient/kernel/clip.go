package kernel

// Clip sets y to x limited to [lo, hi]; hi wins where they contradict. NaN stays
// NaN.
func Clip(w *Workers, lo, hi float32, x, y []float32) {
	Map(w, x, y, func(dst, src []float32) { isa.clip(dst, src, lo, hi) })
}

// ClipGrad sets gx to gy where lo <= x <= hi and to 0 elsewhere.
func ClipGrad(w *Workers, lo, hi float32, x, gy, gx []float32) {
	if lo > hi {
		clear(gx)
		return
	}
	w.For(len(x), mapGrain, func(from, to int) {
		isa.clipGrad(gx[from:to], x[from:to], gy[from:to], lo, hi)
	})
}
