package kernel

// strip is the task of a microkernel of matrix products: up to microRows() rows of
// C, of any number of columns. For i < rows and j < cols,
//
//	c[i*ldc+j] = begin(i, j) + Σ_p A(i, p) · B(p, j), p < k
//
// A(i, p) is a[i*lda+p] if byRows, else a[i+p*lda]. B is cut into panels of whole
// vectors: column j of panel j0 to j1 is b[j0*depth+p*(j1-j0)+j-j0]
// if packed, j1 being rounded up to whole vectors; otherwise B(p, j) is b[p*ldb+j].
type strip struct {
	rows, cols, k int
	panels        // of cols
	a             []float32
	lda           int
	byRows        bool
	b             []float32
	ldb           int // 0 if packed
	c             []float32
	ldc           int
	begin         beginning
	bias          []float32
}

// unroll is how many steps of the sum microkernels compute in a round.
const unroll = 4

// panels is how columns are cut into panels. A panel is as wide as the
// microkernels go. Instead of one vector that would be left over, the last two
// panels have two: a narrow panel is slower.
type panels struct {
	columns             int
	wide, narrow, width int // panels of microVecs() vectors, others, vectors of these
}

func newPanels(columns int) panels {
	vectors, v := (columns+isaLanes()-1)/isaLanes(), microVecs()
	wide := vectors / v
	switch left := vectors - wide*v; {
	case left == 0:
		return panels{columns, wide, 0, 0}
	case left == 1 && v == 3 && wide > 0:
		return panels{columns, wide - 1, 2, 2}
	default:
		return panels{columns, wide, 1, left}
	}
}

func (p *panels) count() int { return p.wide + p.narrow }

// at returns the columns of panel i.
func (p *panels) at(i int) (j0, j1 int) {
	j0, width := i*microVecs()*isaLanes(), microVecs()*isaLanes()
	if i >= p.wide {
		width = p.width * isaLanes()
		j0 = p.wide*microVecs()*isaLanes() + (i-p.wide)*width
	}
	return j0, min(j0+width, p.columns)
}

func portableStrip(s *strip) {
	row, step := offsets(roundUp(s.rows, microRows())), offsets(s.k)
	defer releaseOffsets(row)
	defer releaseOffsets(step)
	rs, ks := 1, s.lda
	if s.byRows {
		rs, ks = s.lda, 1
	}
	for i := range s.rows {
		(*row)[i] = pair{i * rs, i * s.ldc}
	}
	padRows(*row, s.rows)
	for i := range s.panels.count() {
		j0, j1 := s.panels.at(i)
		t := tile{row: *row, step: *step, rows: s.rows, cols: j1 - j0, a: s.a, b: s.b[j0:], c: s.c[j0:], begin: s.begin, bias: s.bias}
		bs := s.ldb
		if bs == 0 {
			bs = roundUp(j1-j0, isaLanes())
			t.b = s.b[j0*s.k:]
		}
		for p := range s.k {
			(*step)[p] = pair{p * ks, p * bs}
		}
		if s.begin == fromColumns {
			t.bias = s.bias[j0:]
		}
		t.run()
	}
}
