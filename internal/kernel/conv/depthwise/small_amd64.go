//go:build amd64 && !noasm

package depthwise

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// smallCode returns the assembly for depthwise convolutions of small planes, nil for
// none.
func smallCode() *smallKernels {
	switch simd.Lanes() {
	case 16:
		return &small512
	case 8:
		return &small256
	}
	return nil
}

// In small256, a vector has several planes: other methods are as fast where it has one.
var (
	small512 = smallKernels{
		has:     func(taps, plane int) bool { return (taps == 9 || taps == 25) && plane <= 16 },
		forward: runSmallForward, weight: runSmallWeight,
	}
	small256 = smallKernels{
		has:     func(taps, plane int) bool { return taps == 9 && plane <= 4 },
		forward: runSmallForward, weight: runSmallWeight,
	}
)

func runSmallForward(a *smallArgs, several bool) {
	f := smallForward9AVX512
	switch {
	case simd.Lanes() == 8:
		f = smallForwards9AVX2
	case several && a.taps == 9:
		f = smallForwards9AVX512
	case several:
		f = smallForwards25AVX512
	case a.taps == 25:
		f = smallForward25AVX512
	}
	f(a.groups, a.images, &a.x[0], a.xImage, a.planes*a.xSize, &a.y[0], a.yImage, a.planes*a.ySize, &a.index[0], &a.w[0], &a.bias[0], a.Gate, a.Lo, a.Hi, a.Ahead)
}

func runSmallWeight(a *smallArgs) {
	f := smallWeight9AVX512
	switch {
	case simd.Lanes() == 8:
		f = smallWeight9AVX2
	case a.taps == 25:
		f = smallWeight25AVX512
	}
	x, y := a.planes*a.xSize, a.planes*a.ySize
	f(a.groups, a.images, &a.x[0], x, a.xImage, x, &a.y[0], y, a.yImage, y, &a.index[0], &a.w[0])
}
