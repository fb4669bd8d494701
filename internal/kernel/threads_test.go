package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestThreads: what is computed does not depend on the number of threads. That
// it is right is checked where it is used, in package ops.
func TestThreads(t *testing.T) {
	w := NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(31, 32))
	const n, c, s = 6, 12, 350
	x, gy, scale, bias := randoms(rng, n*c*s), randoms(rng, n*c*s), randoms(rng, c*s), randoms(rng, c*s)
	tests := map[string]func(w *Workers) []float32{
		"GroupNorm": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			GroupNorm(w, n, c, s, 3, 1e-5, x, scale, bias, y)
			return y
		},
		"GroupNormGrad": func(w *Workers) []float32 {
			gx := make([]float32, n*c*s)
			GroupNormGrad(w, n, c, s, 3, 1e-5, x, scale, gy, gx)
			return gx
		},
		"GroupNormParams": func(w *Workers) []float32 {
			g := make([]float32, 2*c)
			GroupNormParams(w, n, c, s, 3, 1e-5, x, gy, g[:c], g[c:])
			return g
		},
		"RMSNorm": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			RMSNorm(w, n*c, s, 1e-5, x, scale, y)
			return y
		},
		"RMSNormGrad": func(w *Workers) []float32 {
			g := make([]float32, n*c*s+s)
			RMSNormGrad(w, n*c, s, 1e-5, x, scale, gy, g[s:], g[:s])
			return g
		},
		"LpNormalize": func(w *Workers) []float32 {
			y := make([]float32, 2*n*c*s)
			LpNormalize(w, 2, n, c, s, x, y[:n*c*s])
			LpNormalizeGrad(w, 1, n, c, s, x, gy, y[n*c*s:])
			return y
		},
		"ChannelSum": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			ChannelSum(w, n, c, s, 1, 2, x, y)
			return y
		},
		"MaskedSoftmax": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			MaskedSoftmax(w, []int{n, c, s}, x, bias, []int{0, s, 1}, y)
			return y
		},
		"Rotate": func(w *Workers) []float32 {
			y := make([]float32, n*c*s)
			Rotate(w, s, s/4, true, false, x, scale, bias, func(row int) int { return row % c }, y)
			return y
		},
	}
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		sigmoid := Squash{
			Apply: func(x []float32) { SigmoidSlice(x, x) },
			Slope: func(gx, y, gy []float32) {
				for i, v := range y {
					gx[i] = gy[i] * v * (1 - v)
				}
			},
		}
		r := Recurrence{Cell: cell, Steps: 5, Batch: 70, Hidden: 33, Reverse: cell == GRU, F: sigmoid, G: sigmoid, H: sigmoid}
		g := cell.Gates()
		plane := r.Batch * r.Hidden
		in := RecurrentIn{R: randoms(rng, g*r.Hidden*r.Hidden), H0: randoms(rng, plane), C0: randoms(rng, plane), Peep: randoms(rng, 3*r.Hidden)}
		input, gtape := randoms(rng, r.Steps*plane*g), randoms(rng, r.TapePlanes()*r.Steps*plane)
		tests[[...]string{"RNN", "GRU", "LSTM"}[cell]] = func(w *Workers) []float32 {
			tape, back, gr := make([]float32, len(gtape)), make([]float32, r.BackSize()), make([]float32, len(in.R))
			r.Forward(w, in, input, tape)
			r.Backward(w, in, tape, gtape, back)
			r.GradR(w, tape, back, in.H0, gr)
			return slices.Concat(tape, back, gr)
		}
	}
	for name, f := range tests {
		if !slices.Equal(f(nil), f(w)) {
			t.Errorf("%s depends on the number of threads", name)
		}
	}
}
