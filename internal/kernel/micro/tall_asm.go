//go:build (amd64 || arm64) && !noasm

package micro

// tallKernel is an assembly function for 8, 16 or 24 rows.
type tallKernel func(vectors, n, k int, a, b *float32, bRow int, prefetch *float32, gap int, c *float32, cRow int, bias *float32)

// call computes the tile by one of the microkernels, which are given by height.
func (t *TallTile) call(kernels *[TallHigh/8 + 1]tallKernel) {
	kernels[t.High/8](t.Vectors, t.N, t.K, &t.A[0], &t.B[0], t.BRow, &t.Prefetch[0], t.Gap, &t.C[0], t.CRow, &t.Bias[0])
}
