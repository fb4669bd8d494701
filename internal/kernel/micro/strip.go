package micro

import (
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Strip is the task of the microkernel of matrix products: up to [Rows] rows of C with any
// number of columns. For i < Rows and j < Cols,
//
//	C[i*Ldc+j] = init(i, j) + Σ_p a(i, p) · b(p, j), p < K
//
// a(i, p) is A[i*Lda+p] if ByRows, else A[i+p*Lda]. If Ldb is not 0, b(p, j) is B[p*Ldb+j].
// If it is 0, B is packed in panels: in the panel of columns j0 to j1, b(p, j) is
// B[j0*K+p*(j1-j0)+j-j0], with j1 rounded up to whole vectors.
type Strip struct {
	Rows, Cols, K int
	Panels        // of the columns
	A             []float32
	Lda           int
	ByRows        bool
	B             []float32
	Ldb           int // 0 if packed
	C             []float32
	Ldc           int
	Init          Init
	Bias          []float32
}

// Unroll is how many steps of the sum the microkernels compute in one iteration.
const Unroll = 4

// Panels says how columns are cut into panels. Panels are as wide as the microkernels go.
// Where a single vector would be left over, the last two panels have two vectors each, as
// narrow panels are slower.
type Panels struct {
	columns             int
	wide, narrow, width int // panels of Vecs() vectors; the other panels; vectors of each of these
}

// NewPanels cuts columns into panels.
func NewPanels(columns int) Panels {
	vectors, v := (columns+simd.Lanes()-1)/simd.Lanes(), Vecs()
	wide := vectors / v
	switch left := vectors - wide*v; {
	case left == 0:
		return Panels{columns, wide, 0, 0}
	case left == 1 && v == 3 && wide > 0:
		return Panels{columns, wide - 1, 2, 2}
	default:
		return Panels{columns, wide, 1, left}
	}
}

// Count returns the number of panels.
func (p *Panels) Count() int { return p.wide + p.narrow }

// At returns the first column of panel i and the one after its last.
func (p *Panels) At(i int) (j0, j1 int) {
	j0, width := i*Vecs()*simd.Lanes(), Vecs()*simd.Lanes()
	if i >= p.wide {
		width = p.width * simd.Lanes()
		j0 = p.wide*Vecs()*simd.Lanes() + (i-p.wide)*width
	}
	return j0, min(j0+width, p.columns)
}

func portableStrip(s *Strip) {
	row, step := scratch.Pairs(simd.RoundUp(s.Rows, Rows())), scratch.Pairs(s.K)
	defer scratch.FreePairs(row)
	defer scratch.FreePairs(step)
	rs, ks := 1, s.Lda
	if s.ByRows {
		rs, ks = s.Lda, 1
	}
	for i := range s.Rows {
		(*row)[i] = Pair{i * rs, i * s.Ldc}
	}
	PadRows(*row, s.Rows)
	for i := range s.Panels.Count() {
		j0, j1 := s.Panels.At(i)
		t := Tile{Row: *row, Step: *step, Rows: s.Rows, Cols: j1 - j0, A: s.A, B: s.B[j0:], C: s.C[j0:], Init: s.Init, Bias: s.Bias}
		bs := s.Ldb
		if bs == 0 {
			bs = simd.RoundUp(j1-j0, simd.Lanes())
			t.B = s.B[j0*s.K:]
		}
		for p := range s.K {
			(*step)[p] = Pair{p * ks, p * bs}
		}
		if s.Init == InitColumnBias {
			t.Bias = s.Bias[j0:]
		}
		t.Run()
	}
}
