// Package kerneltest helps to test kernels: with random numbers, comparisons, every
// instruction set, and measurements.
package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/simd"
)

// Randoms returns n numbers from the normal distribution.
func Randoms(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// Bfloat16 returns x rounded as package amx does.
func Bfloat16(x float32) float32 {
	return math.Float32frombits((math.Float32bits(x) + 0x8000) &^ 0xffff)
}

// Compare reports the first element of got that is further from want than tol
// times the largest element of want (at least 1).
func Compare(got []float32, want []float64, tol float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	size := 1.0
	for _, v := range want {
		if !math.IsInf(v, 0) {
			size = math.Max(size, math.Abs(v))
		}
	}
	for i, v := range want {
		g := float64(got[i])
		if g == v || math.IsNaN(g) && math.IsNaN(v) {
			continue
		}
		if !(math.Abs(g-v) <= tol*size) {
			return fmt.Errorf("element %d of %d is %g, want %g", i, len(want), g, v)
		}
	}
	return nil
}

// Tries is n, or a few with -short: the race detector slows down what results are
// compared with a hundredfold.
func Tries(n int) int {
	if testing.Short() {
		return n / 8
	}
	return n
}

// ForEachPath runs f once for every implementation this machine can run. What has one of its own
// for the matrix unit has tests of that as well: the others compute as AVX-512 does.
func ForEachPath(t *testing.T, f func(t *testing.T)) { forEach(t, simd.AMX, f) }

// ForEachLevel runs f once for every instruction set of this machine.
func ForEachLevel(t *testing.T, f func(t *testing.T)) { forEach(t, simd.Levels, f) }

func forEach(t *testing.T, end simd.Level, f func(t *testing.T)) {
	best := simd.Active()
	defer simd.Use(best)
	for l := range end {
		if simd.Use(l) {
			t.Run(simd.Name(), f)
		}
	}
}

// RandomWindow returns the geometry of a convolution or pooling over one to three axes.
func RandomWindow(rng *rand.Rand) (ins, kernels, outs, strides, dilations, pads []int) {
	rank := 1 + rng.IntN(3)
	for range rank {
		kernel, stride, dilation, pad := 1+rng.IntN(4), 1+rng.IntN(3), 1+rng.IntN(2), rng.IntN(4)
		if rng.IntN(3) > 0 {
			stride, dilation = 1, 1
		}
		in := 1 + rng.IntN(20/rank)
		end := rng.IntN(3)
		out := (in+pad+end-dilation*(kernel-1)-1)/stride + 1
		for in+pad+end < dilation*(kernel-1)+1 {
			end++
			out = 1
		}
		ins, kernels, outs = append(ins, in), append(kernels, kernel), append(outs, out)
		strides, dilations, pads = append(strides, stride), append(dilations, dilation), append(pads, pad)
	}
	return
}
