package micro_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestStrip compares the microkernels with a sum in float64, for every height,
// width, way to lie and beginning.
func TestStrip(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for rows := 1; rows <= micro.Rows(); rows++ {
			for _, cols := range []int{1, 2, simd.Lanes() - 1, simd.Lanes(), simd.Lanes() + 1, 2*simd.Lanes() - 1, 2*simd.Lanes() + 3, 3*simd.Lanes() + 1, 4*simd.Lanes() - 1, 7 * simd.Lanes(), 10*simd.Lanes() + 5} {
				for _, k := range []int{1, 3, 4, 9} {
					for variant := range 16 {
						s := micro.Strip{Rows: rows, Cols: cols, Panels: micro.NewPanels(cols), K: k, ByRows: variant&1 > 0, Init: micro.Init(variant >> 2)}
						if err := checkStrip(rng, &s, variant&2 > 0); err != nil {
							t.Fatalf("%d rows, %d columns, %d steps, by rows %v, packed %v, begin %d: %v", rows, cols, k, s.ByRows, variant&2 > 0, s.Init, err)
						}
					}
				}
			}
		}
	})
}

func checkStrip(rng *rand.Rand, s *micro.Strip, packed bool) error {
	a, b := kerneltest.Randoms(rng, s.Rows*s.K), kerneltest.Randoms(rng, s.K*s.Cols)
	s.Lda, s.A = s.Rows+1, make([]float32, (s.K-1)*(s.Rows+1)+s.Rows)
	if s.ByRows {
		s.Lda, s.A = s.K+1, make([]float32, (s.Rows-1)*(s.K+1)+s.K)
	}
	for i := range s.Rows {
		for p := range s.K {
			if s.ByRows {
				s.A[i*s.Lda+p] = a[i*s.K+p]
			} else {
				s.A[i+p*s.Lda] = a[i*s.K+p]
			}
		}
	}
	if packed {
		s.B = make([]float32, s.K*simd.RoundUp(s.Cols, simd.Lanes()))
		for i := range s.Panels.Count() {
			j0, j1 := s.Panels.At(i)
			for p := range s.K {
				copy(s.B[j0*s.K+p*simd.RoundUp(j1-j0, simd.Lanes()):], b[p*s.Cols+j0:p*s.Cols+j1])
			}
		}
	} else {
		s.Ldb = s.Cols + s.K%2
		s.B = make([]float32, (s.K-1)*s.Ldb+s.Cols)
		for p := range s.K {
			copy(s.B[p*s.Ldb:], b[p*s.Cols:(p+1)*s.Cols])
		}
	}
	s.Ldc, s.C = s.Cols+2, kerneltest.Randoms(rng, s.Rows*(s.Cols+2)-2)
	s.Bias = kerneltest.Randoms(rng, max(s.Rows, s.Cols))
	want := make([]float64, len(s.C))
	for i := range want {
		row, j := i/s.Ldc, i%s.Ldc
		want[i] = float64(s.C[i])
		if j >= s.Cols {
			continue // must be left alone
		}
		switch s.Init {
		case micro.InitZero:
			want[i] = 0
		case micro.InitRowBias:
			want[i] = float64(s.Bias[row])
		case micro.InitColumnBias:
			want[i] = float64(s.Bias[j])
		}
		for p := range s.K {
			want[i] += float64(a[row*s.K+p]) * float64(b[p*s.Cols+j])
		}
	}
	s.Run()
	if err := kerneltest.Compare(s.C, want, 1e-5); err != nil {
		return fmt.Errorf("C: %w", err)
	}
	return nil
}
