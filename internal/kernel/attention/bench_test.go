package attention

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

// BenchmarkHeads measures attention as in the ViT of the benchmarks and in a
// large language model's.
func BenchmarkHeads(b *testing.B) {
	for _, s := range []struct{ batch, heads, sequence, size int }{{100, 3, 65, 64}, {8, 12, 128, 64}, {1, 12, 512, 64}} {
		width := 3 * s.heads * s.size // Q, K and V side by side
		a := Heads{Batch: []int{s.batch, s.heads}, Queries: s.sequence, Keys: s.sequence, Size: s.size, Values: s.size, Scale: 0.125}
		for i, l := range []*HeadLayout{&a.Q, &a.K, &a.V} {
			*l = HeadLayout{Offset: i * s.heads * s.size, Batch: []int{s.sequence * width, s.size}, Row: width}
		}
		a.Out = HeadLayout{Batch: []int{s.sequence * width / 3, s.size}, Row: width / 3}
		rng := rand.New(rand.NewPCG(1, 1))
		x, g, y := kerneltest.Randoms(rng, s.batch*s.sequence*width), make([]float32, s.batch*s.sequence*width), make([]float32, s.batch*s.sequence*width/3)
		flops := 4 * s.batch * s.heads * s.sequence * s.sequence * s.size
		name := fmt.Sprintf("%dx%dx%dx%d", s.batch, s.heads, s.sequence, s.size)
		b.Run(name+"/forward", func(b *testing.B) { kerneltest.Measure(b, flops, func() { a.Forward(nil, x, x, x, nil, y) }) })
		b.Run(name+"/gradient", func(b *testing.B) {
			kerneltest.Measure(b, 5*flops/2, func() { a.Gradient(nil, x, x, x, nil, y, g, g, g) })
		})
	}
}
