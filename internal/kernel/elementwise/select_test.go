package elementwise

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

func TestSelect(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{4, 1, 3}, {40, 30, 50}, {1}, {}, {2, 0, 3}, {5, 6, 1}} {
		for mask := range 8 { // which operand is repeated along which axis
			operand := func(k int) ([]int, int) {
				s := slices.Clone(shape)
				for a := range s {
					if mask>>((a+k)%3)&1 == 1 {
						s[a] = min(s[a], 1)
					}
				}
				st := nd.Strides(s)
				for a := range s {
					if s[a] != shape[a] {
						st[a] = 0
					}
				}
				return st, nd.Size(s)
			}
			cs, cn := operand(0)
			xs, xn := operand(1)
			ys, yn := operand(2)
			c, x, y := make([]bool, cn), kerneltest.Randoms(rng, xn), kerneltest.Randoms(rng, yn)
			for i := range c {
				c[i] = rng.IntN(2) == 0
			}
			z := make([]float32, nd.Size(shape))
			Select(w, shape, z, c, cs, x, xs, y, ys)
			strides := nd.Strides(shape)
			for i, got := range z {
				at := func(st []int) (k int) {
					for a := range shape {
						k += i / strides[a] % shape[a] * st[a]
					}
					return k
				}
				want := y[at(ys)]
				if c[at(cs)] {
					want = x[at(xs)]
				}
				if got != want {
					t.Fatalf("shape %v, repeated %03b: element %d is %v, want %v", shape, mask, i, got, want)
				}
			}
		}
	}
}
