//go:build arm64 && !noasm

package micro

// The microkernels by tileHeight and vectors less one.
var tilesNEON = [5][3]microkernel{
	{tile1x1NEON, tile1x2NEON, tile1x3NEON},
	{tile2x1NEON, tile2x2NEON, tile2x3NEON},
	{tile4x1NEON, tile4x2NEON, tile4x3NEON},
	{tile6x1NEON, tile6x2NEON, tile6x3NEON},
	{tile8x1NEON, tile8x2NEON, tile8x3NEON},
}

func tileNEON(t *Tile) {
	v := (t.Cols - 1) / 4
	full := t.Rows / 8 * 8
	if full > 0 {
		t.call(tilesNEON[4][v], 0, full, t.Cols-4*v)
	}
	if full < t.Rows {
		t.call(tilesNEON[tileHeight(t.Rows-full)][v], full, t.Rows-full, t.Cols-4*v)
	}
}
