package quantize

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Quantizer maps numbers to whole numbers in [Low, High] and back. Arrays have shape
// [Outer, Channels, Inner], and each channel has a scale and a zero point. zero may be nil,
// which means zero points of 0. Limits and zero points are whole numbers below 2²¹.
type Quantizer struct {
	Outer, Channels, Inner int
	Low, High              float32
}

// each calls f for every range of elements with one scale and zero point.
func (q *Quantizer) each(w *parallel.Workers, scale, zero []float32, f func(lo, hi int, scale, zero float32)) {
	if q.Channels*q.Inner == 0 {
		return
	}
	if q.Channels == 1 { // one stretch, of any length
		w.For(q.Outer*q.Inner, parallel.MinWork, func(lo, hi int) { f(lo, hi, scale[0], at(zero, 0)) })
		return
	}
	w.For(q.Outer*q.Channels, max(1, parallel.MinWork/q.Inner), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c := i % q.Channels
			f(i*q.Inner, (i+1)*q.Inner, scale[c], at(zero, c))
		}
	})
}

func at(zero []float32, c int) float32 {
	if zero == nil {
		return 0
	}
	return zero[c]
}

// Forward sets y to round(x/scale) + zero, clamped to the range.
func (q *Quantizer) Forward(w *parallel.Workers, x, scale, zero, y []float32) {
	q.each(w, scale, zero, func(lo, hi int, s, z float32) {
		simd.Quantize(y[lo:hi], x[lo:hi], s, q.Low-z, q.High-z, z)
	})
}

// Grad sets gx to gy/scale where [Quantizer.Forward] stays within the range, and to 0
// elsewhere, as if it did not round. gx may be gy.
func (q *Quantizer) Grad(w *parallel.Workers, x, scale, zero, gy, gx []float32) {
	q.each(w, scale, zero, func(lo, hi int, s, z float32) {
		simd.QuantizeGrad(gx[lo:hi], x[lo:hi], gy[lo:hi], s, q.Low-z, q.High-z)
	})
}

// Dequantize sets y to (x - zero)·scale.
func (q *Quantizer) Dequantize(w *parallel.Workers, x, scale, zero, y []float32) {
	q.each(w, scale, zero, func(lo, hi int, s, z float32) {
		x, y := x[lo:hi], y[lo:hi]
		for i, v := range x {
			y[i] = (v - z) * s
		}
	})
}

// DequantizeGrad sets gx to gy·scale. gx may be gy.
func (q *Quantizer) DequantizeGrad(w *parallel.Workers, scale, gy, gx []float32) {
	q.each(w, scale, nil, func(lo, hi int, s, _ float32) {
		gy, gx := gy[lo:hi], gx[lo:hi]
		for i, v := range gy {
			gx[i] = v * s
		}
	})
}
