package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// allRuns writes the kernels for runs of one vector to as many as a tile has.
func allRuns(v vectors) {
	rows, vecs := v.tileShape()
	for n := range vecs {
		runs(v, rows, n+1)
	}
}

// runs writes one kernel; type RunTile in package micro says what it does. It
// computes rows rows of vecs vectors. The elements of a row of A follow one
// another for length steps; there is a gap before the next run; rows are lda
// apart. Those of B all follow one another. On the way it prefetches from
// prefetch, as fast as it reads A.
func runs(v vectors, rows, vecs int) {
	TEXT(fmt.Sprintf("runs%dx%d%s", rows, vecs, v.suffix), NOSPLIT,
		"func(n, length int, a *float32, lda, gap int, b *float32, c *float32, ldc, last, add int, prefetch *float32)")
	Pragma("noescape")
	n := local("n")
	mask := v.mask(Load(Param("last"), GP64()))
	// One vector has so few sums that even and odd steps have their own, not to
	// wait for each other.
	sets := 1
	if vecs == 1 {
		sets = 2
	}
	acc := v.registers(sets * rows * vecs)
	for _, r := range acc {
		v.zero(r)
	}
	s := &runSteps{stripSteps{v: v, rows: rows, vecs: vecs, byRows: true, acc: acc, mask: mask, lda: param("lda", true), b: param("b", false)}, sets}
	s.a[0], s.a[1], s.lda3 = param("a", false), GP64(), GP64()
	LEAQ(Mem{Base: s.lda, Index: s.lda, Scale: 2}, s.lda3)
	LEAQ(Mem{Base: s.a[0], Index: s.lda3, Scale: 1}, s.a[1])
	prefetch, k := param("prefetch", false), GP64()

	Label("run")
	Load(Param("length"), k)
	SUBQ(Imm(unroll), k)
	JL(LabelRef("rest"))
	Label("steps")
	s.write(unroll)
	for at := 0; at < 4*unroll*rows; at += 64 {
		PREFETCHT1(Mem{Base: prefetch, Disp: at})
	}
	ADDQ(U32(uint32(4*unroll*rows)), prefetch)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("steps"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("next"))
	Label("step")
	s.write(1)
	DECQ(k)
	JNZ(LabelRef("step"))
	Label("next")
	gap := param("gap", true)
	ADDQ(gap, s.a[0])
	ADDQ(gap, s.a[1])
	DECQ(n)
	JNZ(LabelRef("run"))

	for i := range rows * vecs * (sets - 1) {
		VADDPS(acc[rows*vecs+i], acc[i], acc[i])
	}
	c, ldc := param("c", false), param("ldc", true)
	CMPQ(Load(Param("add"), GP64()), Imm(0))
	JE(LabelRef("overwrite"))
	s.store(c, ldc, true)
	VZEROUPPER()
	RET()
	Label("overwrite")
	s.store(c, ldc, false)
	VZEROUPPER()
	RET()
}

// runSteps is what the inner loop needs.
type runSteps struct {
	stripSteps
	sets int // of sums, taking turns
}

// write writes steps steps of a run.
func (s *runSteps) write(steps int) {
	for u := range steps {
		acc := s.acc[u%s.sets*s.rows*s.vecs:]
		br := s.v.registers(s.vecs)
		for j, r := range br {
			VMOVUPS(Mem{Base: s.b, Disp: (u*s.vecs + j) * s.v.bytes()}, r)
		}
		for i := range s.rows {
			x := s.v.register()
			VBROADCASTSS(s.at(i, u), x)
			for j, r := range br {
				VFMADD231PS(r, x, acc[i*s.vecs+j])
			}
		}
	}
	ADDQ(U32(uint32(steps*s.vecs*s.v.bytes())), s.b)
	for _, a := range s.a {
		ADDQ(Imm(uint64(4*steps)), a)
	}
}
