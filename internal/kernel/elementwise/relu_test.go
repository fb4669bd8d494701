package elementwise

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

func TestRelu(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 22))
		x, gy := kerneltest.Randoms(rng, 30001), kerneltest.Randoms(rng, 30001)
		x[7] = 0
		y, gx := make([]float32, len(x)), make([]float32, len(x))
		Relu(w, x, y)
		ReluGrad(w, y, gy, gx)
		for i, v := range x {
			wantY, wantG := float32(0), float32(0)
			if v > 0 {
				wantY, wantG = v, gy[i]
			}
			if y[i] != wantY || gx[i] != wantG {
				t.Fatalf("relu(%g) = %g with gradient %g of %g", v, y[i], gx[i], gy[i])
			}
		}
	})
}
