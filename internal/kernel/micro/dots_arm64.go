//go:build arm64 && !noasm

package micro

func dotsNEON(t *DotTile) { t.call(dots8x3NEON) }
