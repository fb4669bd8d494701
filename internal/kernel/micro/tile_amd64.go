//go:build amd64 && !noasm

package micro

// The microkernels by (height+1)/2 and vectors less one.
var (
	tilesAVX512 = [5][3]microkernel{
		{tile1x1AVX512, tile1x2AVX512, tile1x3AVX512},
		{tile2x1AVX512, tile2x2AVX512, tile2x3AVX512},
		{tile4x1AVX512, tile4x2AVX512, tile4x3AVX512},
		{tile6x1AVX512, tile6x2AVX512, tile6x3AVX512},
		{tile8x1AVX512, tile8x2AVX512, tile8x3AVX512},
	}
	tilesAVX2 = [4][2]microkernel{
		{tile1x1AVX2, tile1x2AVX2},
		{tile2x1AVX2, tile2x2AVX2},
		{tile4x1AVX2, tile4x2AVX2},
		{tile6x1AVX2, tile6x2AVX2},
	}
)

func tileAVX512(t *Tile) {
	if t.Cols <= 8 { // rather than half a vector
		tileAVX2(t)
		return
	}
	v := (t.Cols - 1) / 16
	full := t.Rows / 8 * 8
	if full > 0 {
		t.call(tilesAVX512[4][v], 0, full, t.Cols-16*v)
	}
	if full < t.Rows {
		t.call(tilesAVX512[tileHeight(t.Rows-full)][v], full, t.Rows-full, t.Cols-16*v)
	}
}

func tileAVX2(t *Tile) {
	v := (t.Cols - 1) / 8
	full := t.Rows / 6 * 6
	if full > 0 {
		t.call(tilesAVX2[3][v], 0, full, t.Cols-8*v)
	}
	if full < t.Rows {
		t.call(tilesAVX2[tileHeight(t.Rows-full)][v], full, t.Rows-full, t.Cols-8*v)
	}
}
