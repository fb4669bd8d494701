//go:build arm64 && !noasm

package micro

// The microkernels by number of vectors minus one.
var directsNEON = [3]directKernel[*int]{direct8x1NEON, direct8x2NEON, direct8x3NEON}

func directNEON(t *DirectTile) { callDirect(t, 4, &directsNEON, &t.Step[0][0], t.A, t.B) }
