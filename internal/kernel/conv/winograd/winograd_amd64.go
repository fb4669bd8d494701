//go:build amd64 && !noasm

package winograd

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// winogradCode holds the transforms by instruction set.
var winogradCode = [simd.Levels]func(winoTransform, *winoArgs){simd.Portable: portableWinograd, simd.AVX2: winogradAVX2, simd.AVX512: winogradAVX512, simd.AMX: winogradAVX512}

// laneCode returns the assembly for tiles in the lanes of vectors, nil for none.
func laneCode() *laneKernels { return laneCodes[simd.Active()] }

var laneCodes = [simd.Levels]*laneKernels{simd.AVX2: &lanesAVX2, simd.AVX512: &lanesAVX512, simd.AMX: &lanesAVX512}

var lanesAVX2 = laneKernels{
	windows: laneWindowsAVX2, inputs: laneInputsAVX2, outputs: laneOutputsAVX2,
	products: [mostVectors]laneProducts{laneProducts1AVX2, laneProducts2AVX2, laneProducts3AVX2},
	rows:     [mostVectors]laneRows{laneRows1AVX2, laneRows2AVX2, laneRows3AVX2},
}

var lanesAVX512 = laneKernels{
	windows: laneWindowsAVX512, inputs: laneInputsAVX512, outputs: laneOutputsAVX512,
	products: [mostVectors]laneProducts{laneProducts1AVX512, laneProducts2AVX512, laneProducts3AVX512},
	rows:     [mostVectors]laneRows{laneRows1AVX512, laneRows2AVX512, laneRows3AVX512},
}

// winoFunction is the assembly of a transform without a bias.
type winoFunction func(tiles, blocks int, src *float32, si, sj, srcTile, srcBlock int, dst *float32, di, dj, dstTile, dstBlock int)

var (
	winoFunctionsAVX512 = [...]winoFunction{
		winoInput: winogradInputAVX512, winoOutputGrad: winogradOutputGradAVX512, winoWeight: winogradWeightAVX512, winoWeightGrad: winogradWeightGradAVX512,
		winoInput2: winogradInput2AVX512, winoWeight2: winogradWeight2AVX512,
	}
	winoFunctionsAVX2 = [...]winoFunction{
		winoInput: winogradInputAVX2, winoOutputGrad: winogradOutputGradAVX2, winoWeight: winogradWeightAVX2, winoWeightGrad: winogradWeightGradAVX2,
		winoInput2: winogradInput2AVX2, winoWeight2: winogradWeight2AVX2,
	}
)

func winogradAVX512(kind winoTransform, a *winoArgs) {
	blocks, src, dst := a.channels/16, &a.src[a.from.at], &a.dst[a.to.at]
	switch kind {
	case winoOutput:
		winogradOutputAVX512(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16, &a.bias[0])
	case winoOutput2:
		winogradOutput2AVX512(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16, &a.bias[0])
	default:
		winoFunctionsAVX512[kind](a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 16, dst, a.to.i, a.to.j, a.to.tile, 16)
	}
}

func winogradAVX2(kind winoTransform, a *winoArgs) {
	blocks, src, dst := a.channels/8, &a.src[a.from.at], &a.dst[a.to.at]
	switch kind {
	case winoOutput:
		winogradOutputAVX2(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8, &a.bias[0])
	case winoOutput2:
		winogradOutput2AVX2(a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8, &a.bias[0])
	default:
		winoFunctionsAVX2[kind](a.tiles, blocks, src, a.from.i, a.from.j, a.from.tile, 8, dst, a.to.i, a.to.j, a.to.tile, 8)
	}
}
