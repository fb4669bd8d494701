package resample

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

func TestInterpolate(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ outer, in, out, inner int }{{3, 4, 7, 1}, {2, 7, 4, 5}, {50, 30, 60, 20}, {50, 60, 30, 1}, {2, 3, 0, 4}, {2, 1, 3, 0}} {
		m := Taps{In: s.in, Out: s.out, Start: []int{0}}
		for range s.out {
			for range rng.IntN(4) {
				m.Index, m.Weight = append(m.Index, rng.IntN(s.in)), append(m.Weight, rng.Float32())
			}
			m.Start = append(m.Start, len(m.Index))
		}
		x, gy := kerneltest.Randoms(rng, s.outer*s.in*s.inner), kerneltest.Randoms(rng, s.outer*s.out*s.inner)
		y, gx := kerneltest.Randoms(rng, len(gy)), kerneltest.Randoms(rng, len(x))
		m.Interpolate(w, s.outer, s.inner, x, y)
		m.Transposed().Interpolate(w, s.outer, s.inner, gy, gx)
		wantY, wantX := make([]float64, len(y)), make([]float64, len(x))
		for o := range s.outer {
			for i := range s.out {
				for k := m.Start[i]; k < m.Start[i+1]; k++ {
					for e := range s.inner {
						from, to, f := (o*s.in+m.Index[k])*s.inner+e, (o*s.out+i)*s.inner+e, float64(m.Weight[k])
						wantY[to] += f * float64(x[from])
						wantX[from] += f * float64(gy[to])
					}
				}
			}
		}
		if err := kerneltest.Compare(y, wantY, 1e-5); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		if err := kerneltest.Compare(gx, wantX, 1e-5); err != nil {
			t.Errorf("%+v, transposed: %v", s, err)
		}
	}
}
