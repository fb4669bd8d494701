//go:build (amd64 || arm64) && !noasm

package micro

// microkernel is an assembly function that computes n rows a few at a time. The
// last vector of a row has last elements.
type microkernel func(n int, row *int, k int, step *int, a, b, c *float32, last, begin int, bias *float32)

func (t *Tile) call(f microkernel, i, n, last int) {
	var bias *float32
	switch t.Init {
	case InitRowBias:
		bias = &t.Bias[i]
	case InitColumnBias:
		bias = &t.Bias[0]
	}
	f(n, &t.Row[i][0], len(t.Step), &t.Step[0][0], &t.A[0], &t.B[0], &t.C[0], last, int(t.Init), bias)
}

// tileHeight returns the index of the lowest microkernel for rows rows: 1, 2,
// 4, 6 or 8.
func tileHeight(rows int) int {
	if rows == 1 {
		return 0
	}
	return (rows + 1) / 2
}
