//go:build arm64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var runsOfNEON = []runKernel{runs8x1NEON, runs8x2NEON, runs8x3NEON}

func runsNEON(t *RunTile) { t.call(runsOfNEON, 4) }
