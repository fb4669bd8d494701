package conv

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// nearPlane is how many elements a plane of gy needs for its sum to be computed by itself.
// Smaller planes of a channel are added up first.
const nearPlane = 64

// sumPlanes sets out[c] to the sum of x[·, c, ·]. x has shape [n, c, s].
func sumPlanes(w *parallel.Workers, n, c, s int, x, out []float32) {
	w.For(c, parallel.GrainOf(n*s), func(lo, hi int) {
		if s >= nearPlane {
			some := scratch.Floats(hi - lo)
			defer scratch.Free(some)
			clear(out[lo:hi])
			for i := range n {
				simd.SumEach(*some, x[(i*c+lo)*s:], s)
				simd.Add(out[lo:hi], out[lo:hi], *some)
			}
			return
		}
		total := scratch.Floats((hi - lo) * s)
		defer scratch.Free(total)
		clear(*total)
		for i := range n {
			simd.Add(*total, *total, x[(i*c+lo)*s:(i*c+hi)*s])
		}
		for ch := lo; ch < hi; ch++ {
			out[ch] = simd.Sum((*total)[(ch-lo)*s : (ch-lo+1)*s])
		}
	})
}
