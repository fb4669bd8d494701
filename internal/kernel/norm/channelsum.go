package norm

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// ChannelSum sets y[·, i, ·] to the sum of x[·, k, ·] over the existing channels k with
// i-before ≤ k ≤ i+after. x and y have shape [n, c, s]. Exchanging before and after gives
// the adjoint. ONNX LRN is made of it.
func ChannelSum(w *parallel.Workers, n, c, s, before, after int, x, y []float32) {
	w.For(n*c, parallel.GrainOf(s*(1+before+after)), func(lo, hi int) {
		for plane := lo; plane < hi; plane++ {
			image, i := plane/c*c, plane%c
			d := y[plane*s : (plane+1)*s]
			clear(d)
			for k := max(0, i-before); k <= min(c-1, i+after); k++ {
				for j, v := range x[(image+k)*s : (image+k+1)*s] {
					d[j] += v
				}
			}
		}
	})
}
