//go:build amd64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var (
	runsOfAVX512 = []runKernel{runs8x1AVX512, runs8x2AVX512, runs8x3AVX512}
	runsOfAVX2   = []runKernel{runs6x1AVX2, runs6x2AVX2}
)

func runsAVX512(t *RunTile) { t.call(runsOfAVX512, 16) }

func runsAVX2(t *RunTile) { t.call(runsOfAVX2, 8) }
