package attention

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/strided"
)

// MaskedSoftmax computes y = softmax(x + bias) over the last axis of x, which has the given
// shape. bias is read through strides, which are 0 along the axes on which it is repeated.
// A row in which everything is -Inf becomes zeros. This is the softmax of ONNX Attention.
// Its gradient is elementwise.SoftmaxGrad.
func MaskedSoftmax(w *parallel.Workers, shape []int, x, bias []float32, strides []int, y []float32) {
	if len(x) == 0 {
		return
	}
	last := len(shape) - 1
	n, step := shape[last], strides[last]
	v := strided.View{Shape: shape, Stride: strides}
	w.For(len(x)/n, parallel.GrainOf(4*n), func(lo, hi int) {
		v.Runs(lo, hi, func(row, at int) {
			xr, yr := x[row*n:(row+1)*n], y[row*n:(row+1)*n]
			if step == 1 {
				simd.Add(yr, xr, bias[at:at+n])
			} else { // one number for the row
				simd.Affine(yr, xr, 1, bias[at])
			}
			if math.IsInf(float64(simd.Max(yr)), -1) {
				clear(yr)
			} else {
				simd.Softmax(n, yr, yr, 1)
			}
		})
	})
}

// Rotate rotates pairs of elements of x, which has shape [rows, width], by angles whose
// cosines and sines are given. Row r uses those of row at(r) of cos and sin, which have
// shape [·, pairs]. Pair i is (2i, 2i+1) if interleaved, else (i, i+pairs). Elements after
// the pairs are copied. inverse rotates back, which is the gradient. This is ONNX
// RotaryEmbedding.
func Rotate(w *parallel.Workers, width, pairs int, interleaved, inverse bool, x, cos, sin []float32, at func(row int) int, y []float32) {
	sign := float32(1)
	if inverse {
		sign = -1
	}
	w.For(len(x)/max(width, 1), parallel.GrainOf(width), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			xr, yr := x[r*width:(r+1)*width], y[r*width:(r+1)*width]
			a := at(r) * pairs
			c, s := cos[a:a+pairs], sin[a:a+pairs]
			if interleaved {
				for i, f := range c {
					p, q, g := xr[2*i], xr[2*i+1], sign*s[i]
					yr[2*i], yr[2*i+1] = p*f-q*g, p*g+q*f
				}
			} else {
				x1, x2, y1, y2 := xr[:pairs], xr[pairs:2*pairs], yr[:pairs], yr[pairs:2*pairs]
				for i, f := range c {
					p, q, g := x1[i], x2[i], sign*s[i]
					y1[i], y2[i] = p*f-q*g, p*g+q*f
				}
			}
			copy(yr[2*pairs:], xr[2*pairs:])
		}
	})
}
