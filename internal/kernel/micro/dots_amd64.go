//go:build amd64 && !noasm

package micro

func dotsAVX512(t *DotTile) { t.call(dots8x3AVX512) }
func dotsAVX2(t *DotTile)   { t.call(dots4x3AVX2) }
