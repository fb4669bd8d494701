package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAttentionThreads: what is computed does not depend on the number of threads. That
// it is right is checked where it is used, in package ops.
func TestAttentionThreads(t *testing.T) {
	w := NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(31, 32))
	const n, c, s = 6, 12, 350
	x, scale, bias := randoms(rng, n*c*s), randoms(rng, c*s), randoms(rng, c*s)
	for name, f := range map[string]func(w *Workers) []float32{
		"MaskedSoftmax": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			MaskedSoftmax(w, []int{n, c, s}, x, bias, []int{0, s, 1}, y)
			return y
		}, "Rotate": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			Rotate(w, s, s/4, true, false, x, scale, bias, func(row int) int { return row % c }, y)
			return y
		}} {
		if !slices.Equal(f(nil), f(w)) {
			t.Errorf("%s depends on the number of threads", name)
		}
	}
}
