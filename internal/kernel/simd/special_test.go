package simd_test

import (
	"math"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestSpecialValues compares functions with their Go twins on NaN, infinities, zeros,
// subnormal and very large numbers, in every lane and in tails of every length.
func TestSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	values := []float32{0, float32(math.Copysign(0, -1)), 1, -1.5, nan, inf, -inf, 0x1p-149, -0x1p-140, 0x1p-126, math.MaxFloat32, -math.MaxFloat32, 3e38}
	type function func(v *simd.VectorSet, out, x, y []float32)
	functions := map[string]function{
		"add":        func(v *simd.VectorSet, out, x, y []float32) { v.Add(out, x, y) },
		"sub":        func(v *simd.VectorSet, out, x, y []float32) { v.Sub(out, x, y) },
		"mul":        func(v *simd.VectorSet, out, x, y []float32) { v.Mul(out, x, y) },
		"div":        func(v *simd.VectorSet, out, x, y []float32) { v.Div(out, x, y) },
		"larger":     func(v *simd.VectorSet, out, x, y []float32) { v.Larger(out, x, y) },
		"relu":       func(v *simd.VectorSet, out, x, _ []float32) { v.Relu(out, x) },
		"reluGrad":   func(v *simd.VectorSet, out, x, y []float32) { v.ReluGrad(out, x, y) },
		"mulShifted": func(v *simd.VectorSet, out, x, y []float32) { v.MulShifted(out, x, y, 0.5) },
		"addWhereMax": func(v *simd.VectorSet, out, x, y []float32) {
			copy(out, y)
			v.AddWhereMax(out, x, y, x)
		},
		"clearWhereMax": func(v *simd.VectorSet, out, x, y []float32) {
			copy(out, y)
			v.ClearWhereMax(out, x, y)
		},
		"exp":     func(v *simd.VectorSet, out, x, _ []float32) { v.Exp(out, x) },
		"sigmoid": func(v *simd.VectorSet, out, x, _ []float32) { v.Sigmoid(out, x) },
		"tanh":    func(v *simd.VectorSet, out, x, _ []float32) { v.Tanh(out, x) },
		"erf":     func(v *simd.VectorSet, out, x, _ []float32) { v.Erf(out, x) },
		"softmax": func(v *simd.VectorSet, out, x, _ []float32) {
			for i := range x { // pairs, and what is left
				v.Softmax(1, out[i:i+1], x[i:i+1], 1)
			}
			for i := 0; i+1 < len(x); i += 2 {
				v.Softmax(2, out[i:i+2], x[i:i+2], 1)
			}
		},
		"largest": func(v *simd.VectorSet, out, x, _ []float32) {
			clear(out)
			out[0] = v.Largest(finite(x))
		},
	}
	kerneltest.ForEachPath(t, func(t *testing.T) {
		active := simd.Functions()
		for name, f := range functions {
			for shift := range values {
				for _, n := range []int{1, 2, 3, len(values), 2*len(values) + 1} {
					x, y := make([]float32, n), make([]float32, n)
					for i := range x {
						x[i], y[i] = values[(i+shift)%len(values)], values[(i+shift+i/len(values)*3+shift/2)%len(values)]
					}
					got, want := make([]float32, n), make([]float32, n)
					f(&active, got, x, y)
					f(&simd.PortableVectors, want, x, y)
					for i := range got {
						if !alike(got[i], want[i]) {
							t.Errorf("%s(%g, %g) is %g, want %g (element %d of %d)", name, x[i], y[i], got[i], want[i], i, n)
						}
					}
				}
			}
		}
	})
}

// alike reports whether two numbers differ by rounding at most. Subnormal ones may differ by a
// unit.
func alike(x, y float32) bool {
	if x != x || y != y {
		return x != x && y != y
	}
	if x == y {
		return true
	}
	return !math.IsInf(float64(x), 0) && !math.IsInf(float64(y), 0) && math.Abs(float64(x)-float64(y)) <= 1e-6*math.Abs(float64(y))+0x1p-149
}

// finite returns x with zeros in place of NaN.
func finite(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		if v == v {
			y[i] = v
		}
	}
	return y
}
