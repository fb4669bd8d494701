package kernel

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkLayerNorm(b *testing.B) {
	const n, width = 1 << 14, 192
	rng := rand.New(rand.NewPCG(1, 1))
	x, scale, y := randoms(rng, n), randoms(rng, width), make([]float32, n)
	b.Run("192", func(b *testing.B) {
		measure(b, n, func() { LayerNorm(nil, n/width, width, 1e-5, x, scale, scale, y) })
	})
}
