package kernel

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkVectors(b *testing.B) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, z := randoms(rng, n), randoms(rng, n), make([]float32, n)
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"add", func() { AddSlice(z, x, y) }}, {"relu", func() { ReluSlice(z, x) }}, {"reluGrad", func() { reluGradSlice(z, x, y) }},
		{"exp", func() { ExpSlice(z, x) }}, {"tanh", func() { TanhSlice(z, x) }}, {"sigmoid", func() { SigmoidSlice(z, x) }},
		{"gelu", func() { GeluSlice(z, x) }}, {"geluGrad", func() { geluGradSlice(z, x, y) }}, {"log", func() { LogSlice(z, y) }},
		{"softmax65", func() { Softmax(nil, n/65, 65, 1, x, z) }},
	} {
		b.Run(f.name, func(b *testing.B) { measure(b, n, f.run) })
	}
}
