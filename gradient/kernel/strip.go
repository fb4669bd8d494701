package kernel

// strip is the task of a microkernel of matrix products: up to isa.rows rows of
// C, of any number of columns. For i < rows and j < cols,
//
//	c[i*ldc+j] = begin(i, j) + Σ_p A(i, p) · B(p, j), p < k
//
// A(i, p) is a[i*lda+p] if byRows, else a[i+p*lda]. B is cut into panels of whole
// vectors, see [widths]: column j of panel j0 to j1 is b[j0*depth+p*(j1-j0)+j-j0]
// if packed, j1 being rounded up to whole vectors; otherwise B(p, j) is b[p*ldb+j].
type strip struct {
	rows, cols, k int
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

// A panel of the packed operand is as wide as the microkernels go. Instead of
// one vector that would be left over, the last two panels have two: a narrow
// panel is slower.

// widths returns how many panels of isa.vecs vectors, and of how many narrower
// vectors then, hold vectors vectors.
func widths(vectors int) (wide, narrow, width int) {
	v := isa.vecs
	wide = vectors / v
	switch left := vectors % v; {
	case left == 0:
		return wide, 0, 0
	case left == 1 && v == 3 && wide > 0:
		return wide - 1, 2, 2
	default:
		return wide, 1, left
	}
}

// panelCount returns how many panels hold the columns.
func panelCount(columns int) int {
	wide, narrow, _ := widths((columns + isa.lanes - 1) / isa.lanes)
	return wide + narrow
}

// panelAt returns the columns of panel i.
func panelAt(columns, i int) (j0, j1 int) {
	wide, _, width := widths((columns + isa.lanes - 1) / isa.lanes)
	j0, width = i*isa.vecs*isa.lanes, width*isa.lanes
	if i < wide {
		width = isa.vecs * isa.lanes
	} else {
		j0 = wide*isa.vecs*isa.lanes + (i-wide)*width
	}
	return j0, min(j0+width, columns)
}

func portableStrip(s *strip) {
	row, step := offsets(roundUp(s.rows, isa.rows)), offsets(s.k)
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
	for i := range panelCount(s.cols) {
		j0, j1 := panelAt(s.cols, i)
		t := tile{row: *row, step: *step, rows: s.rows, cols: j1 - j0, a: s.a, b: s.b[j0:], c: s.c[j0:], begin: s.begin, bias: s.bias}
		bs := s.ldb
		if bs == 0 {
			bs = roundUp(j1-j0, isa.lanes)
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
