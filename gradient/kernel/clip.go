package kernel

import "math"

// Clip sets y to x limited to [lo, hi]; hi wins where they contradict. NaN stays
// NaN.
func Clip(w *Workers, lo, hi float32, x, y []float32) {
	Map(w, x, y, func(dst, src []float32) {
		dst = dst[:len(src)]
		for i, v := range src {
			dst[i] = min(max(v, lo), hi)
		}
	})
}

// ClipGrad sets gx to gy where lo <= x <= hi and to 0 elsewhere.
func ClipGrad(w *Workers, lo, hi float32, x, gy, gx []float32) {
	if lo > hi {
		clear(gx)
		return
	}
	w.For(len(x), mapGrain, func(from, to int) {
		g, d := gy[from:to], gx[from:to]
		for i, v := range x[from:to] {
			// Without a branch, which would often be mispredicted: v is inside
			// if clipping does not change its bits. Adding 0 makes -0 positive.
			v += 0
			changed := math.Float32bits(v) ^ math.Float32bits(min(max(v, lo+0), hi+0))
			mask := uint32((int64(changed) - 1) >> 63)
			d[i] = math.Float32frombits(math.Float32bits(g[i]) & mask)
		}
	})
}
