package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestRounding compares convolutions that may round their factors with sums in float64 of the
// same products.
func TestRounding(t *testing.T) {
	if !simd.Use(simd.AMX) {
		t.Skip("no matrix unit")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	w := parallel.NewWorkers(2)
	defer w.Close()
	for _, c := range []Conv{
		conv2(3, 1, 16, 16, 32, 3, 1, 1),  // several elements of the kernel in a tile
		conv2(5, 1, 64, 40, 9, 3, 1, 1),   // several images in a run
		conv2(2, 1, 48, 33, 40, 5, 1, 2),  // an image in parts
		conv2(4, 2, 64, 64, 4, 1, 1, 0),   // groups
		conv2(8, 1, 160, 160, 2, 3, 1, 1), // little but weights
		conv2(1, 1, 12, 24, 20, 7, 1, 0),  // no border
	} {
		for _, adjoint := range []bool{false, true} {
			if err := checkRounding(w, rng, c, adjoint); err != nil {
				t.Errorf("%d→%d, %d×%d, adjoint %v: %v", c.InChannels, c.OutChannels, c.In[0], c.In[1], adjoint, err)
			}
		}
	}
}

func checkRounding(w *parallel.Workers, rng *rand.Rand, c Conv, adjoint bool) error {
	p := c.plan()
	x := kerneltest.Randoms(rng, c.Batch*c.InChannels*p.In.Size())
	y := kerneltest.Randoms(rng, c.Batch*c.OutChannels*p.Out.Size())
	weight, bias := kerneltest.Randoms(rng, c.OutChannels*p.InChannels*p.Taps), kerneltest.Randoms(rng, c.OutChannels)
	if adjoint {
		x, y, bias = y, x, nil
	}
	want := make([]float64, len(y))
	for i := range want {
		if bias != nil {
			want[i] = float64(bias[i/p.Out.Size()%c.OutChannels])
		}
	}
	naiveConv(&c, func(i, k, o int) {
		if adjoint {
			i, o = o, i
		}
		want[o] += float64(kerneltest.Bfloat16(x[i])) * float64(kerneltest.Bfloat16(weight[k]))
	})
	t := task{Conv: p, adjoint: adjoint, rounds: true}
	if _, ok := tilesCost(&t); !ok {
		return fmt.Errorf("the method does not apply")
	}
	p.Epilogue = func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i]++
		}
	}
	p.Kept = new(Kept)
	for range 2 { // the second time with the weights that were kept
		runTiles(&t, w.Rounding(), x, weight, bias, y)
		for i := range y {
			y[i]--
		}
		if err := kerneltest.Compare(y, want, 2e-6); err != nil {
			return err
		}
	}
	// What has no bfloat16 is computed in another way.
	x[len(x)-1], weight[0] = float32(math.Inf(1)), -1
	p.Kept.Forget()
	runTiles(&t, w.Rounding(), x, weight, bias, y)
	p.Kept = nil
	got := slices.Clone(y)
	methodNamed("channels").run(&t, w, x, weight, bias, y)
	if i := slices.IndexFunc(y, func(v float32) bool { return math.IsInf(float64(v), 0) }); i < 0 || got[i] != y[i] {
		return fmt.Errorf("of an infinite number came %g, want %g", got[max(i, 0)], y[max(i, 0)])
	}
	return nil
}

func methodNamed(name string) *correlationMethod {
	return &correlationMethods[slices.IndexFunc(correlationMethods, func(m correlationMethod) bool { return m.name == name })]
}
