package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// unroll is the number of steps of the sum in a round of the loop.
const unroll = 4

// strips writes the microkernels of matrix products, for A by rows and by columns. Of a strip
// that is not as high as the highest, lower ones compute the parts.
func strips() {
	for _, rows := range []int{1, 2, 4, tileRows} {
		for vecs := 1; vecs <= tileVecs; vecs++ {
			strip(rows, vecs, true)
			strip(rows, vecs, false)
		}
	}
}

// strip writes one microkernel; type Strip in package micro says what it does. It computes n
// panels of C, vecs vectors wide, from rows rows of A: of each, the elements follow one another
// and rows are lda apart if byRows, otherwise columns are lda apart. Only the last panel's last
// vector may be partial.
func strip(rows, vecs int, byRows bool) {
	name := "Columns"
	if byRows {
		name = "Rows"
	}
	k := newKernel(fmt.Sprintf("strip%s%dx%dNEON", name, rows, vecs),
		"func(n, k int, a *float32, lda int, b *float32, ldb, panel int, c *float32, ldc, last, begin int, bias *float32)")
	s := stripKernel{kernel: k, rows: rows, vecs: vecs, byRows: byRows,
		lda: k.Bytes("lda"), ldb: k.Bytes("ldb"), ldc: k.Bytes("ldc"), b: k.Param("b"), c: k.Param("c"), begin: k.Param("begin"), bias: k.Param("bias")}
	n, last := k.Param("n"), k.Param("last")
	s.second = k.secondPair(vecs, last)

	k.Label("panel")
	k.I("CMP $1, %ir", n)
	k.Jump("BNE", "full")
	k.I("CMP $%d, %ir", lanes, last)
	k.Jump("BLT", "partial")
	k.Label("full")
	s.panel(whole)
	k.I("SUBS $1, %mr", n)
	k.Jump("BEQ", "done")
	next := k.Bytes("panel")
	k.I("ADD %ir, %mr", next, s.b)
	k.Advance(s.c, vecs*vectorBytes)
	k.I("CMP $%d, %ir", initRowBias, s.begin)
	k.Jump("BLE", "panel")
	k.Advance(s.bias, vecs*vectorBytes)
	k.Jump("B", "panel")
	k.Label("partial")
	k.I("CMP $1, %ir", last)
	k.Jump("BEQ", "one")
	s.panel(pairs)
	k.Ret()
	k.Label("one")
	s.panel(single)
	k.Label("done")
	k.Ret()
}

// stripKernel is what a panel needs.
type stripKernel struct {
	kernel
	rows, vecs    int
	byRows        bool
	lda, ldb, ldc a64.Reg // in bytes
	b, c          a64.Reg // where the panel begins
	begin, bias   a64.Reg
	second        a64.Reg // see secondPair
	a             []a64.Reg
	at, last      a64.Reg // in B
	acc           []a64.Reg
}

// panel computes a panel.
func (s *stripKernel) panel(p part) {
	name := p.String()
	s.acc = s.Vs(s.rows * s.vecs)
	s.kernel.begin(name, p, s.acc, s.vecs, s.begin, s.bias, s.second, false)
	s.a = []a64.Reg{s.Param("a")}
	if s.byRows {
		for i := 1; i < s.rows; i++ {
			r := s.R()
			s.I("ADD %ir, %ir, %or", s.lda, s.a[i-1], r)
			s.a = append(s.a, r)
		}
	}
	s.at, s.last = s.Copy(s.b), s.R()
	if p == pairs {
		s.I("ADD %ir, %ir, %or", s.at, s.second, s.last)
	}
	left := s.Param("k")
	if p == whole {
		s.I("SUBS $%d, %mr", unroll, left)
		s.Jump("BLT", "rest")
		if s.rows == tileRows {
			s.I("CMP $%d, %ir", s.vecs*vectorBytes, s.ldb)
			s.Jump("BNE", "strided")
			s.Label("packed")
			s.steps(unroll, s.packedRows)
			s.Advance(s.at, unroll*s.vecs*vectorBytes)
			s.I("SUBS $%d, %mr", unroll, left)
			s.Jump("BGE", "packed")
			s.Jump("B", "rest")
		}
		s.Label("strided")
		s.steps(unroll, s.stridedRows)
		s.I("SUBS $%d, %mr", unroll, left)
		s.Jump("BGE", "strided")
		s.Label("rest")
		s.I("ADDS $%d, %mr", unroll, left)
		s.Jump("BEQ", "store")
	}
	s.Label("step" + name)
	s.step(p)
	s.I("SUBS $1, %mr", left)
	s.Jump("BNE", "step"+name)
	if p == whole {
		s.Label("store")
	}
	s.I("CMP $%d, %ir", initC, s.begin)
	s.Jump("BNE", "overwrite"+name)
	s.storePanel(p, true)
	s.Jump("B", "stored"+name)
	s.Label("overwrite" + name)
	s.storePanel(p, false)
	s.Label("stored" + name)
}

// row reads a row of B and advances to the next.
func (s *stripKernel) row(p part) []a64.Reg {
	b := s.Vs(s.vecs)
	s.load(p, s.at, s.last, b)
	if s.ldb == (a64.Reg{}) { // rows follow one another
		s.Advance(s.at, s.vecs*vectorBytes)
		return b
	}
	s.I("ADD %ir, %mr", s.ldb, s.at)
	if p == pairs {
		s.I("ADD %ir, %mr", s.ldb, s.last)
	}
	return b
}

// step computes one step of the sum.
func (s *stripKernel) step(p part) {
	if !s.byRows {
		s.multiplyColumn(s.row(p))
		return
	}
	b := s.row(p)
	for i := range s.rows {
		x := s.V()
		s.I("FMOVS.P 4(%mr), %of", s.a[i], x)
		s.multiply(s.acc[i*s.vecs:], b, x, 0)
	}
}

// steps computes several steps of whole vectors, two at a time, for which rows reads the rows of
// B. By rows, one load reads the elements of a row of A for both.
func (s *stripKernel) steps(n int, rows func(pair int) (first, second []a64.Reg)) {
	for pair := range n / 2 {
		first, second := rows(pair)
		if !s.byRows {
			s.multiplyColumn(first)
			s.multiplyColumn(second)
			continue
		}
		for i := range s.rows {
			x, acc := s.V(), s.acc[i*s.vecs:]
			s.I("FMOVD.P 8(%mr), %of", s.a[i], x)
			s.multiply(acc, first, x, 0)
			s.multiply(acc, second, x, 1)
		}
	}
}

// stridedRows reads two rows of B and advances past them.
func (s *stripKernel) stridedRows(int) (first, second []a64.Reg) { return s.row(whole), s.row(whole) }

// packedRows reads two rows that follow one another, which takes fewer loads, and does not
// advance.
func (s *stripKernel) packedRows(pair int) (first, second []a64.Reg) {
	v := s.Vs(2 * s.vecs)
	for i := 0; i < len(v); i += 2 {
		s.I("FLDPQ %d(%ir), (%of, %of)", (pair*len(v)+i)*vectorBytes, s.at, v[i], v[i+1])
	}
	return v[:s.vecs], v[s.vecs:]
}

// multiplyColumn adds the products of a row of B and a column of A, whose elements are adjacent.
func (s *stripKernel) multiplyColumn(b []a64.Reg) {
	x := s.Vs((s.rows + lanes - 1) / lanes)
	switch s.rows {
	case 1:
		s.I("FMOVS (%ir), %of", s.a[0], x[0])
	case 2:
		s.I("FMOVD (%ir), %of", s.a[0], x[0])
	default:
		s.load(whole, s.a[0], a64.Reg{}, x)
	}
	s.I("ADD %ir, %mr", s.lda, s.a[0])
	for i := range s.rows {
		s.multiply(s.acc[i*s.vecs:], b, x[i/lanes], i%lanes)
	}
}

// storePanel writes the sums to rows of C, added to what is there if add.
func (s *stripKernel) storePanel(p part, add bool) {
	to, last := s.Copy(s.c), s.R()
	if p == pairs {
		s.I("ADD %ir, %ir, %or", to, s.second, last)
	}
	for i := range s.rows {
		s.accumulate(p, s.acc[i*s.vecs:(i+1)*s.vecs], to, last, add)
		if i < s.rows-1 {
			s.I("ADD %ir, %mr", s.ldc, to)
			if p == pairs {
				s.I("ADD %ir, %mr", s.ldc, last)
			}
		}
	}
}
