package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// strips writes the microkernels of matrix products, for A by rows and by
// columns. Of a strip that is not as high as the highest, lower ones compute
// the parts.
func strips(v vectors) {
	most, widest := v.tileShape()
	for _, rows := range []int{1, 2, 4, most} {
		for vecs := 1; vecs <= widest; vecs++ {
			strip(v, rows, vecs, true)
			strip(v, rows, vecs, false)
		}
	}
}

// unroll is the number of steps of the sum in a round of the loop.
const unroll = 4

// strip writes one microkernel; type Strip in package micro says what it does.
// It computes n panels of C, vecs vectors wide, from rows rows of A: of each,
// the elements follow one another and rows are lda apart if byRows, otherwise
// columns are lda apart. Only the last panel's last vector may be partial.
func strip(v vectors, rows, vecs int, byRows bool) {
	name := "Columns"
	if byRows {
		name = "Rows"
	}
	TEXT(fmt.Sprintf("strip%s%dx%d%s", name, rows, vecs, v.suffix), NOSPLIT,
		"func(n, k int, a *float32, lda int, b *float32, ldb, panel int, c *float32, ldc, last, begin int, bias *float32)")
	Pragma("noescape")
	local := func(param string) Mem {
		m, r := AllocLocal(8), GP64()
		Load(Param(param), r)
		MOVQ(r, m)
		return m
	}
	bytes := func(param string) reg.GPVirtual {
		r := GP64()
		Load(Param(param), r)
		SHLQ(U8(2), r)
		return r
	}
	n, bNext, cNext, bias := local("n"), local("b"), local("c"), local("bias")

	Label("panel")
	width := GP64()
	MOVQ(U32(uint32(v.lanes)), width)
	left := GP64()
	MOVQ(n, left)
	CMPQ(left, U8(1))
	JNE(LabelRef("whole"))
	Load(Param("last"), width)
	Label("whole")
	mask := v.mask(width)
	acc := v.registers(rows * vecs)
	beginTile(v, acc, rows, vecs, bias, mask, false)

	// Rows of C are asked for one by one, so that they do not hold up B.
	c, ldc, end := GP64(), bytes("ldc"), GP64()
	MOVQ(ldc, end)
	IMUL3Q(U8(uint8(rows-1)), end, end)
	MOVQ(cNext, c)
	ADDQ(c, end)

	s := &stripSteps{v: v, rows: rows, vecs: vecs, byRows: byRows, acc: acc, mask: mask, lda: bytes("lda"), ldb: bytes("ldb"), b: GP64()}
	MOVQ(bNext, s.b)
	s.a[0] = GP64()
	Load(Param("a"), s.a[0])
	if byRows && rows > 3 {
		s.lda3, s.a[1] = GP64(), GP64()
		LEAQ(Mem{Base: s.lda, Index: s.lda, Scale: 2}, s.lda3)
		LEAQ(Mem{Base: s.a[0], Index: s.lda3, Scale: 1}, s.a[1])
	}
	s.ahead = GP64()
	MOVQ(s.ldb, s.ahead)
	SHLQ(U8(3), s.ahead) // times 8
	k := GP64()
	Load(Param("k"), k)
	SUBQ(U8(unroll), k)
	JL(LabelRef("rest"))
	Label("steps")
	s.write(unroll)
	for j := range vecs {
		if j*v.bytes()%64 == 0 {
			PREFETCHT0(Mem{Base: c, Disp: j * v.bytes()})
		}
	}
	ADDQ(ldc, c)
	CMPQ(c, end)
	CMOVQHI(end, c)
	SUBQ(U8(unroll), k)
	JGE(LabelRef("steps"))
	Label("rest")
	ADDQ(U8(unroll), k)
	JZ(LabelRef("store"))
	Label("step")
	s.write(1)
	DECQ(k)
	JNZ(LabelRef("step"))

	Label("store")
	begin := GP64()
	Load(Param("begin"), begin)
	MOVQ(cNext, c)
	Load(Param("ldc"), ldc)
	SHLQ(U8(2), ldc)
	CMPQ(begin, U8(1))
	JNE(LabelRef("overwrite"))
	s.store(c, ldc, true)
	JMP(LabelRef("next"))
	Label("overwrite")
	s.store(c, ldc, false)

	Label("next")
	MOVQ(n, left)
	DECQ(left)
	JZ(LabelRef("done"))
	MOVQ(left, n)
	next := bytes("panel")
	ADDQ(next, bNext)
	ADDQ(U32(uint32(vecs*v.bytes())), cNext)
	CMPQ(begin, U8(3))
	JNE(LabelRef("panel"))
	ADDQ(U32(uint32(vecs*v.bytes())), bias)
	JMP(LabelRef("panel"))
	Label("done")
	VZEROUPPER()
	RET()
}

// stripSteps is what the inner loop needs.
type stripSteps struct {
	v          vectors
	rows, vecs int
	byRows     bool
	acc        []reg.VecVirtual
	mask       reg.Register
	a          [2]reg.GPVirtual // rows 0 and 3
	lda, lda3  reg.GPVirtual    // in bytes, as the others
	b, ldb     reg.GPVirtual
	ahead      reg.GPVirtual
}

// write writes steps steps of the sum.
func (s *stripSteps) write(steps int) {
	for u := range steps {
		br := s.v.registers(s.vecs)
		for j, r := range br {
			s.v.load(Mem{Base: s.b, Disp: j * s.v.bytes()}, maskOfLast(j, s.vecs, s.mask), r)
			if j*s.v.bytes()%64 == 0 {
				PREFETCHT0(Mem{Base: s.b, Index: s.ahead, Scale: 1, Disp: j * s.v.bytes()})
			}
		}
		ADDQ(s.ldb, s.b)
		for i := range s.rows {
			x := s.v.register()
			VBROADCASTSS(s.at(i, u), x)
			for j, r := range br {
				VFMADD231PS(r, x, s.acc[i*s.vecs+j])
			}
		}
		if !s.byRows {
			ADDQ(s.lda, s.a[0])
		}
	}
	if s.byRows {
		ADDQ(U8(4*steps), s.a[0])
		if s.rows > 3 {
			ADDQ(U8(4*steps), s.a[1])
		}
	}
}

// at is the address of the element of A in row i and u steps on.
func (s *stripSteps) at(i, u int) Mem {
	if !s.byRows {
		return Mem{Base: s.a[0], Disp: 4 * i}
	}
	m := Mem{Base: s.a[i/3%2], Disp: 4 * u}
	switch i {
	case 1, 4:
		m.Index, m.Scale = s.lda, 1
	case 2, 5:
		m.Index, m.Scale = s.lda, 2
	case 6:
		m.Base, m.Index, m.Scale = s.a[0], s.lda3, 2
	case 7:
		m.Base, m.Index, m.Scale = s.a[1], s.lda, 4
	}
	return m
}

// store writes the sums to rows of C that are ldc apart, added to what is there if
// add.
func (s *stripSteps) store(c, ldc reg.GPVirtual, add bool) {
	for i := range s.rows {
		for j := range s.vecs {
			r, m, mem := s.acc[i*s.vecs+j], maskOfLast(j, s.vecs, s.mask), Mem{Base: c, Disp: j * s.v.bytes()}
			if add {
				old := s.v.register()
				s.v.load(mem, m, old)
				VADDPS(old, r, r)
			}
			s.v.store(r, m, mem)
		}
		if i < s.rows-1 {
			ADDQ(ldc, c)
		}
	}
}
