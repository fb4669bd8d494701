package elementwise

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/simd"
)

func BenchmarkVectors(b *testing.B) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, z := kerneltest.Randoms(rng, n), kerneltest.Randoms(rng, n), make([]float32, n)
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"add", func() { simd.Add(z, x, y) }}, {"relu", func() { simd.Relu(z, x) }}, {"reluGrad", func() { simd.ReluGrad(z, x, y) }},
		{"exp", func() { simd.Exp(z, x) }}, {"tanh", func() { simd.Tanh(z, x) }}, {"sigmoid", func() { simd.Sigmoid(z, x) }},
		{"gelu", func() { simd.Gelu(z, x) }}, {"geluGrad", func() { simd.GeluGrad(z, x, y) }}, {"log", func() { simd.Log(z, y) }},
		{"softmax65", func() { Softmax(nil, n/65, 65, 1, x, z) }},
	} {
		b.Run(f.name, func(b *testing.B) { kerneltest.Measure(b, n, f.run) })
	}
}
