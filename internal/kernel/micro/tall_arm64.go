//go:build arm64 && !noasm

package micro

var tallsNEON = [TallHigh/8 + 1]tallKernel{nil, tall8NEON, tall16NEON, tall24NEON}

func tallNEON(t *TallTile) { t.call(&tallsNEON) }
