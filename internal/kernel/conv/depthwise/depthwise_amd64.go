//go:build amd64 && !noasm

package depthwise

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

//go:generate go run ../../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg depthwise

// depthwiseCode returns the assembly for depthwise convolutions, nil for none.
func depthwiseCode() *depthwiseKernels {
	if simd.Active() == simd.Portable {
		return nil
	}
	return &depthwiseAssembly
}

var depthwiseAssembly = depthwiseKernels{runDepthwiseForward, runDepthwiseBack, runDepthwiseWeight}

type (
	depthwiseForward     func(planes int, x *float32, xPlane, xRows, xLine int, w *float32, wPlane int, y *float32, yPlane, yRows, yLine, top, left, segments int, masks *uint32, bias *float32, biasPlane int, gate *float32, lo, hi float32, ahead int)
	depthwiseBack        func(planes int, x *float32, xPlane, xRows, xLine int, w *float32, wPlane int, y *float32, yPlane, yRows, yLine, top, left, segments int, masks *uint32, gate *float32, lo, hi float32, ahead int)
	depthwiseRowsForward func(planes int, x, w *float32, wPlane int, y *float32, vectors int, bias *float32, biasPlane int, gate *float32, lo, hi float32, ahead int)
	depthwiseRowsWeight  func(planes int, x, w *float32, wPlane int, y *float32, vectors int)
	depthwiseWeight      func(planes int, x *float32, xPlane, xRows, xLine int, w *float32, wPlane int, y *float32, yPlane, yRows, yLine, top, left, segments int, masks *uint32)
)

// The assembly by lanes (8 or 16), size (3 or 5) and stride (1 or 2).
var (
	depthwiseForwards = [2][2][2]depthwiseForward{
		{{depthwiseForward1x3AVX2, depthwiseForward2x3AVX2}, {depthwiseForward1x5AVX2, depthwiseForward2x5AVX2}},
		{{depthwiseForward1x3AVX512, depthwiseForward2x3AVX512}, {depthwiseForward1x5AVX512, depthwiseForward2x5AVX512}},
	}
	depthwiseBacks   = [2][2]depthwiseBack{{depthwiseBack3AVX2, depthwiseBack5AVX2}, {depthwiseBack3AVX512, depthwiseBack5AVX512}}
	depthwiseWeights = [2][2][2]depthwiseWeight{
		{{depthwiseWeight1x3AVX2, depthwiseWeight2x3AVX2}, {depthwiseWeight1x5AVX2, depthwiseWeight2x5AVX2}},
		{{depthwiseWeight1x3AVX512, depthwiseWeight2x3AVX512}, {depthwiseWeight1x5AVX512, depthwiseWeight2x5AVX512}},
	}
)

// The assembly for whole rows by lanes (8 or 16), and for one row and two rows a vector.
var (
	wholeForwards = [2][2]depthwiseRowsForward{{depthwiseForwardRows8AVX2, depthwiseForwardRows4AVX2}, {depthwiseForwardRows16AVX512, depthwiseForwardRows8AVX512}}
	wholeWeights  = [2][2]depthwiseRowsWeight{{depthwiseWeightRows8AVX2, depthwiseWeightRows4AVX2}, {depthwiseWeightRows16AVX512, depthwiseWeightRows8AVX512}}
)

// wholeRows returns 0 if a vector holds one row of the planes, 1 if it holds two: for 3×3
// kernels, stride and padding 1.
func (a *depthwiseArgs) wholeRows() (pair int, ok bool) {
	rows, columns := a.ySize[1], a.ySize[2]
	if a.k != 3 || a.stride != 1 || a.top != 1 || a.left != 1 || a.xSize != a.ySize {
		return 0, false
	}
	if columns == simd.Lanes()/2 {
		return 1, rows%2 == 0
	}
	return 0, columns == simd.Lanes()
}

func runDepthwiseForward(a *depthwiseArgs) {
	if pair, ok := a.wholeRows(); ok {
		f := wholeForwards[simd.Lanes()/8-1][pair]
		f(a.planes, &a.x[0], &a.w[0], a.wPlane, &a.y[0], a.ySize.Size()/simd.Lanes(), &a.bias[0], a.biasPlane, a.Gate, a.Lo, a.Hi, a.Ahead)
		return
	}
	f := depthwiseForwards[a.lanes/8-1][a.k/2-1][a.stride-1]
	f(a.planes, &a.x[0], a.xSize.Size(), a.xSize[1], a.xSize[2], &a.w[0], a.wPlane, &a.y[0], a.ySize.Size(), a.ySize[1], a.ySize[2],
		a.top, a.left, a.segments, &a.masks[0], &a.bias[0], a.biasPlane, a.Gate, a.Lo, a.Hi, a.Ahead)
}

func runDepthwiseBack(a *depthwiseArgs) {
	f := depthwiseBacks[a.lanes/8-1][a.k/2-1]
	f(a.planes, &a.x[0], a.xSize.Size(), a.xSize[1], a.xSize[2], &a.w[0], a.wPlane, &a.y[0], a.ySize.Size(), a.ySize[1], a.ySize[2],
		a.top, a.left, a.segments, &a.masks[0], a.Gate, a.Lo, a.Hi, a.Ahead)
}

func runDepthwiseWeight(a *depthwiseArgs) {
	if pair, ok := a.wholeRows(); ok {
		f := wholeWeights[simd.Lanes()/8-1][pair]
		f(a.planes, &a.x[0], &a.w[0], a.wPlane, &a.y[0], a.ySize.Size()/simd.Lanes())
		return
	}
	f := depthwiseWeights[a.lanes/8-1][a.k/2-1][a.stride-1]
	f(a.planes, &a.x[0], a.xSize.Size(), a.xSize[1], a.xSize[2], &a.w[0], a.wPlane, &a.y[0], a.ySize.Size(), a.ySize[1], a.ySize[2],
		a.top, a.left, a.segments, &a.masks[0])
}
