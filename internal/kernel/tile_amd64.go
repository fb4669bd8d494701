//go:build amd64 && !noasm

package kernel

// microkernel is an assembly function that computes n rows a few at a time. The
// last vector of a row has last elements.
type microkernel func(n int, row *int, k int, step *int, a, b, c *float32, last, begin int, bias *float32)

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

func tileAVX512(t *tile) {
	if t.cols <= 8 { // rather than half a vector
		tileAVX2(t)
		return
	}
	v := (t.cols - 1) / 16
	full := t.rows / 8 * 8
	if full > 0 {
		t.call(tilesAVX512[4][v], 0, full, t.cols-16*v)
	}
	if full < t.rows {
		t.call(tilesAVX512[tileHeight(t.rows-full)][v], full, t.rows-full, t.cols-16*v)
	}
}

func tileAVX2(t *tile) {
	v := (t.cols - 1) / 8
	full := t.rows / 6 * 6
	if full > 0 {
		t.call(tilesAVX2[3][v], 0, full, t.cols-8*v)
	}
	if full < t.rows {
		t.call(tilesAVX2[tileHeight(t.rows-full)][v], full, t.rows-full, t.cols-8*v)
	}
}

func (t *tile) call(f microkernel, i, n, last int) {
	var bias *float32
	switch t.begin {
	case fromRows:
		bias = &t.bias[i]
	case fromColumns:
		bias = &t.bias[0]
	}
	f(n, &t.row[i][0], len(t.step), &t.step[0][0], &t.a[0], &t.b[0], &t.c[0], last, int(t.begin), bias)
}

// tileHeight returns the index of the lowest microkernel for rows rows: 1, 2,
// 4, 6 or 8.
func tileHeight(rows int) int {
	if rows == 1 {
		return 0
	}
	return (rows + 1) / 2
}
