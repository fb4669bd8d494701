package ops

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// Dot returns the inner product of two values of one shape, a scalar. With a seed
// that is bound between the forward and the backward computation, it stands for any
// loss: the gradient of Dot(y, seed) with respect to y is the seed.
func (b *Builder) Dot(y, seed *Value) *Value {
	return b.emit(nd.Float32, []int{}, Op{
		name: "Dot",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := in[1].Float32s()
			sum := 0.0
			for i, v := range in[0].Float32s() {
				sum += float64(v) * float64(y[i])
			}
			out.Float32s()[0] = float32(sum)
		}),
		noGrad: []int{1},
		diff: func(_, gz *Value) []*Value {
			if a, ok := gz.Constant(); ok && a.Float32s()[0] == 1 {
				return []*Value{seed, nil}
			}
			return []*Value{b.Mul(gz, seed), nil}
		},
	}, y, seed)
}
