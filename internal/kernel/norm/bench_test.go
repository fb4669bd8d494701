package norm

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

func BenchmarkVectors(b *testing.B) {
	const n, width = 1 << 14, 192
	rng := rand.New(rand.NewPCG(1, 1))
	x, scale, y := kerneltest.Randoms(rng, n), kerneltest.Randoms(rng, width), make([]float32, n)
	b.Run("layernorm192", func(b *testing.B) {
		kerneltest.Measure(b, n, func() { LayerNorm(nil, n/width, width, 1e-5, x, scale, scale, y) })
	})
}
