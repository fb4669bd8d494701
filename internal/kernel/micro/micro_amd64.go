//go:build amd64 && !noasm

package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

func addMicrokernels() {
	microSets[simd.AVX2] = &microkernels{rows: 6, vecs: 2, channels: 4, tile: tileAVX2, strip: stripsAVX2.run, direct: directAVX2, dots: dotsAVX2, runs: runsAVX2}
	microSets[simd.AVX512] = &microkernels{rows: 8, vecs: 3, channels: 8, tile: tileAVX512, strip: stripsAVX512.run, direct: directAVX512, dots: dotsAVX512, runs: runsAVX512, tall: tallAVX512}
	microSets[simd.AMX] = microSets[simd.AVX512]
}
