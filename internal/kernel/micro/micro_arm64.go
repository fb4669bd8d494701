//go:build arm64 && !noasm

package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

func addMicrokernels() {
	microSets[simd.NEON] = &microkernels{rows: 8, vecs: 3, channels: 8, tile: tileNEON, strip: stripsNEON.run, direct: directNEON, dots: dotsNEON, runs: runsNEON, tall: tallNEON}
}
