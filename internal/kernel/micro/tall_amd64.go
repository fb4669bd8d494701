//go:build amd64 && !noasm

package micro

// The microkernels by height.
var tallKernels = [TallHigh/8 + 1]func(vectors, n, k int, a, b *float32, bRow int, prefetch *float32, gap int, c *float32, cRow int, bias *float32){nil, tall8AVX512, tall16AVX512, tall24AVX512}

func tallAVX512(t *TallTile) {
	tallKernels[t.High/8](t.Vectors, t.N, t.K, &t.A[0], &t.B[0], t.BRow, &t.Prefetch[0], t.Gap, &t.C[0], t.CRow, &t.Bias[0])
}
