package recurrent

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestRecurrentThreads: what is computed does not depend on the number of threads. That
// it is right is checked where it is used, in package ops.
func TestRecurrentThreads(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(31, 32))
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		sigmoid := Squash{
			Apply: func(x []float32) { simd.Sigmoid(x, x) },
			Slope: func(gx, y, gy []float32) {
				for i, v := range y {
					gx[i] = gy[i] * v * (1 - v)
				}
			},
		}
		r := Recurrence{Cell: cell, Steps: 5, Batch: 70, Hidden: 33, Reverse: cell == GRU, F: sigmoid, G: sigmoid, H: sigmoid}
		g := cell.Gates()
		plane := r.Batch * r.Hidden
		in := Inputs{R: kerneltest.Randoms(rng, g*r.Hidden*r.Hidden), H0: kerneltest.Randoms(rng, plane), C0: kerneltest.Randoms(rng, plane), Peep: kerneltest.Randoms(rng, 3*r.Hidden)}
		input, gtape := kerneltest.Randoms(rng, r.Steps*plane*g), kerneltest.Randoms(rng, r.TapePlanes()*r.Steps*plane)
		f := func(w *parallel.Workers) []float32 {
			tape, back, gr := make([]float32, len(gtape)), make([]float32, r.BackSize()), make([]float32, len(in.R))
			r.Forward(w, in, input, tape)
			r.Backward(w, in, tape, gtape, back)
			r.GradR(w, tape, back, in.H0, gr)
			return slices.Concat(tape, back, gr)
		}
		if !slices.Equal(f(nil), f(w)) {
			t.Errorf("%s depends on the number of threads", [...]string{"RNN", "GRU", "LSTM"}[cell])
		}
	}
}

// TestFactor: few steps, which multiply by R as it is, compute what the first of many do, which
// multiply by its transpose.
func TestFactor(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	tanh := Squash{Apply: func(x []float32) { simd.Tanh(x, x) }}
	for _, r := range []Recurrence{{Cell: RNN}, {Cell: GRU}, {Cell: GRU, LinearBeforeReset: true}, {Cell: LSTM}} {
		r.Batch, r.Hidden, r.F, r.G, r.H = 3, 21, tanh, tanh, tanh
		g, size := r.Cell.Gates(), r.Batch*r.Hidden
		in := Inputs{R: kerneltest.Randoms(rng, g*r.Hidden*r.Hidden), RB: kerneltest.Randoms(rng, r.Hidden), H0: kerneltest.Randoms(rng, size), C0: kerneltest.Randoms(rng, size)}
		input := kerneltest.Randoms(rng, 2*fewestSteps*size*g)
		states := func(steps int) []float32 {
			r.Steps = steps
			tape := make([]float32, r.TapePlanes()*r.plane())
			r.Forward(nil, in, input, tape)
			return tape[:(fewestSteps-1)*size]
		}
		want := make([]float64, (fewestSteps-1)*size)
		for i, v := range states(fewestSteps - 1) {
			want[i] = float64(v)
		}
		if err := kerneltest.Compare(states(2*fewestSteps), want, 1e-5); err != nil {
			t.Errorf("%+v: %v", r.Cell, err)
		}
	}
}
