package kernel

// nearPlane is how many elements a plane of gy has whose sum is worth a place of
// its own; sumPlanes adds up smaller ones together.
const nearPlane = 64

// sumPlanes sets out[c] to the sum of x[·, c, ·], x being [n, c, s].
func sumPlanes(w *Workers, n, c, s int, x, out []float32) {
	w.For(c, grainOf(n*s), func(lo, hi int) {
		if s >= nearPlane {
			some := scratch(hi - lo)
			defer release(some)
			clear(out[lo:hi])
			for i := range n {
				sumEachSlice(*some, x[(i*c+lo)*s:], s)
				AddSlice(out[lo:hi], out[lo:hi], *some)
			}
			return
		}
		total := scratch((hi - lo) * s)
		defer release(total)
		clear(*total)
		for i := range n {
			AddSlice(*total, *total, x[(i*c+lo)*s:(i*c+hi)*s])
		}
		for ch := lo; ch < hi; ch++ {
			out[ch] = sum((*total)[(ch-lo)*s : (ch-lo+1)*s])
		}
	})
}

