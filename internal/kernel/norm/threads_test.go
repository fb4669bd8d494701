package norm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// TestNormThreads: what is computed does not depend on the number of threads. That
// it is right is checked where it is used, in package ops.
func TestNormThreads(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(31, 32))
	const n, c, s = 6, 12, 350
	x, gy, scale, bias := kerneltest.Randoms(rng, n*c*s), kerneltest.Randoms(rng, n*c*s), kerneltest.Randoms(rng, c*s), kerneltest.Randoms(rng, c*s)
	for name, f := range map[string]func(w *parallel.Workers) []float32{
		"GroupNorm": func(w *parallel.Workers) []float32 {
			y := make([]float32, n*c*s)
			GroupNorm(w, n, c, s, 3, 1e-5, x, scale, bias, y)
			return y
		}, "GroupNormGrad": func(w *parallel.Workers) []float32 {
			gx := make([]float32, n*c*s)
			GroupNormGrad(w, n, c, s, 3, 1e-5, x, scale, gy, gx)
			return gx
		}, "GroupNormParams": func(w *parallel.Workers) []float32 {
			g := make([]float32, 2*c)
			GroupNormParams(w, n, c, s, 3, 1e-5, x, gy, g[:c], g[c:])
			return g
		}, "RMSNorm": func(w *parallel.Workers) []float32 {
			y := make([]float32, n*c*s)
			RMSNorm(w, n*c, s, 1e-5, x, scale, y)
			return y
		}, "RMSNormGrad": func(w *parallel.Workers) []float32 {
			g := make([]float32, n*c*s+s)
			RMSNormGrad(w, n*c, s, 1e-5, x, scale, gy, g[s:], g[:s])
			return g
		}, "LpNormalize": func(w *parallel.Workers) []float32 {
			y := make([]float32, 2*n*c*s)
			LpNormalize(w, 2, n, c, s, x, y[:n*c*s])
			LpNormalizeGrad(w, 1, n, c, s, x, gy, y[n*c*s:])
			return y
		}, "ChannelSum": func(w *parallel.Workers) []float32 {
			y := make([]float32, n*c*s)
			ChannelSum(w, n, c, s, 1, 2, x, y)
			return y
		}} {
		if !slices.Equal(f(nil), f(w)) {
			t.Errorf("%s depends on the number of threads", name)
		}
	}
}
