package attention

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// TestAttentionThreads: what is computed does not depend on the number of threads. That
// it is right is checked where it is used, in package ops.
func TestAttentionThreads(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(31, 32))
	const n, c, s = 6, 12, 350
	x, scale, bias := kerneltest.Randoms(rng, n*c*s), kerneltest.Randoms(rng, c*s), kerneltest.Randoms(rng, c*s)
	for name, f := range map[string]func(w *parallel.Workers) []float32{
		"MaskedSoftmax": func(w *parallel.Workers) []float32 {
			y := make([]float32, n*c*s)
			MaskedSoftmax(w, []int{n, c, s}, x, bias, []int{0, s, 1}, y)
			return y
		}, "Rotate": func(w *parallel.Workers) []float32 {
			y := make([]float32, n*c*s)
			Rotate(w, s, s/4, true, false, x, scale, bias, func(row int) int { return row % c }, y)
			return y
		}} {
		if !slices.Equal(f(nil), f(w)) {
			t.Errorf("%s depends on the number of threads", name)
		}
	}
}
