//go:build amd64 && !noasm

package micro

var tallsAVX512 = [TallHigh/8 + 1]tallKernel{nil, tall8AVX512, tall16AVX512, tall24AVX512}

func tallAVX512(t *TallTile) { t.call(&tallsAVX512) }
