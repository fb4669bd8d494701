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
		has: func(taps, plane int) bool { return (taps == 9 || taps == 25) && plane <= 16 },
		forward: func(a *smallArgs, several bool) {
			switch {
			case several && a.taps == 9:
				a.forward(smallForwards9AVX512)
			case several:
				a.forward(smallForwards25AVX512)
			case a.taps == 9:
				a.forward(smallForward9AVX512)
			default:
				a.forward(smallForward25AVX512)
			}
		},
		weight: func(a *smallArgs) {
			if a.taps == 9 {
				a.weight(smallWeight9AVX512)
			} else {
				a.weight(smallWeight25AVX512)
			}
		},
	}
	small256 = smallKernels{
		has:     func(taps, plane int) bool { return taps == 9 && plane <= 4 },
		forward: func(a *smallArgs, _ bool) { a.forward(smallForwards9AVX2) },
		weight:  func(a *smallArgs) { a.weight(smallWeight9AVX2) },
	}
)

type (
	smallForward func(groups, images int, x *float32, xImage, xLanes int, y *float32, yImage, yLanes int, index *int32, w, bias, gate *float32, lo, hi float32, ahead int)
	smallWeight  func(groups, images int, x *float32, xStep, xImage, xLanes int, gy *float32, yStep, yImage, yLanes int, index *int32, w *float32)
)

func (a *smallArgs) forward(f smallForward) {
	f(a.groups, a.images, &a.x[0], a.xImage, a.planes*a.xSize, &a.y[0], a.yImage, a.planes*a.ySize, &a.index[0], &a.w[0], &a.bias[0], a.Gate, a.Lo, a.Hi, a.Ahead)
}

func (a *smallArgs) weight(f smallWeight) {
	x, y := a.planes*a.xSize, a.planes*a.ySize
	f(a.groups, a.images, &a.x[0], x, a.xImage, x, &a.y[0], y, a.yImage, y, &a.index[0], &a.w[0])
}
