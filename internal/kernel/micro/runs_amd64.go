//go:build amd64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var runsOfAVX512 = [3]runKernel{runs8x1AVX512, runs8x2AVX512, runs8x3AVX512}

func runsAVX512(t *RunTile) { t.call(&runsOfAVX512, 16) }
