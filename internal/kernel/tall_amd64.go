//go:build amd64 && !noasm

package kernel

// The microkernels by height.
var tallKernels = [tallHigh/8 + 1]func(vectors, n, k int, a, b *float32, bRow int, later *float32, further int, c *float32, cRow int, bias *float32){nil, tall8AVX512, tall16AVX512, tall24AVX512}

func tallAVX512(t *tallTile) {
	tallKernels[t.high/8](t.vectors, t.n, t.k, &t.a[0], &t.b[0], t.bRow, &t.later[0], t.further, &t.c[0], t.cRow, &t.bias[0])
}
