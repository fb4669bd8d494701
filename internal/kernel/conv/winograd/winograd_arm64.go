//go:build arm64 && !noasm

package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// winogradCode holds the transforms by instruction set.
var winogradCode = [simd.Levels]func(winoTransform, *winoArgs){simd.Portable: portableWinograd, simd.NEON: winogradNEON}

func laneCode() *laneKernels { return nil }

// winoFunctionsNEON holds the transforms without a bias.
var winoFunctionsNEON = [...]func(tiles, blocks int, src *float32, si, sj, srcTile, srcBlock int, dst *float32, di, dj, dstTile, dstBlock int){
	winoInput: winogradInputNEON, winoOutputGrad: winogradOutputGradNEON, winoWeight: winogradWeightNEON, winoWeightGrad: winogradWeightGradNEON,
	winoInput2: winogradInput2NEON, winoWeight2: winogradWeight2NEON,
}

func winogradNEON(kind winoTransform, a *winoArgs) {
	blocks, src, dst := a.channels/4, &a.src[a.from.at], &a.dst[a.to.at]
	switch kind {
	case winoOutput:
		winogradOutputNEON(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 4, dst, a.to.i, a.to.j, a.to.tile, 4, &a.bias[0])
	case winoOutput2:
		winogradOutput2NEON(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 4, dst, a.to.i, a.to.j, a.to.tile, 4, &a.bias[0])
	default:
		winoFunctionsNEON[kind](a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 4, dst, a.to.i, a.to.j, a.to.tile, 4)
	}
}
