package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestStrip compares the microkernels with a sum in float64, for every height,
// width, way to lie and beginning.
func TestStrip(t *testing.T) {
	forEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for rows := 1; rows <= microRows(); rows++ {
			for _, cols := range []int{1, isaLanes() - 1, isaLanes(), isaLanes() + 1, 2*isaLanes() + 3, 3*isaLanes() + 1, 7 * isaLanes(), 10*isaLanes() + 5} {
				for _, k := range []int{1, 3, 4, 9} {
					for variant := range 16 {
						s := strip{rows: rows, cols: cols, panels: newPanels(cols), k: k, byRows: variant&1 > 0, begin: beginning(variant >> 2)}
						if err := checkStrip(rng, &s, variant&2 > 0); err != nil {
							t.Fatalf("%d rows, %d columns, %d steps, by rows %v, packed %v, begin %d: %v", rows, cols, k, s.byRows, variant&2 > 0, s.begin, err)
						}
					}
				}
			}
		}
	})
}

func checkStrip(rng *rand.Rand, s *strip, packed bool) error {
	a, b := randoms(rng, s.rows*s.k), randoms(rng, s.k*s.cols)
	s.lda, s.a = s.rows+1, make([]float32, (s.k-1)*(s.rows+1)+s.rows)
	if s.byRows {
		s.lda, s.a = s.k+1, make([]float32, (s.rows-1)*(s.k+1)+s.k)
	}
	for i := range s.rows {
		for p := range s.k {
			if s.byRows {
				s.a[i*s.lda+p] = a[i*s.k+p]
			} else {
				s.a[i+p*s.lda] = a[i*s.k+p]
			}
		}
	}
	if packed {
		s.b = make([]float32, s.k*roundUp(s.cols, isaLanes()))
		for i := range s.panels.count() {
			j0, j1 := s.panels.at(i)
			for p := range s.k {
				copy(s.b[j0*s.k+p*roundUp(j1-j0, isaLanes()):], b[p*s.cols+j0:p*s.cols+j1])
			}
		}
	} else {
		s.ldb, s.b = s.cols, b
	}
	s.ldc, s.c = s.cols+2, randoms(rng, s.rows*(s.cols+2)-2)
	s.bias = randoms(rng, max(s.rows, s.cols))
	want := make([]float64, len(s.c))
	for i := range want {
		row, j := i/s.ldc, i%s.ldc
		want[i] = float64(s.c[i])
		if j >= s.cols {
			continue // must be left alone
		}
		switch s.begin {
		case fromZero:
			want[i] = 0
		case fromRows:
			want[i] = float64(s.bias[row])
		case fromColumns:
			want[i] = float64(s.bias[j])
		}
		for p := range s.k {
			want[i] += float64(a[row*s.k+p]) * float64(b[p*s.cols+j])
		}
	}
	s.run()
	if err := compare(s.c, want, 1e-5); err != nil {
		return fmt.Errorf("C: %w", err)
	}
	return nil
}
