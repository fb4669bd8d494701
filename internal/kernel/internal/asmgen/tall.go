package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// tallRun is how many lines of cache are prefetched one after the other.
const tallRun = 16

// talls writes the kernels for 8, 16 and 24 channels.
func talls() {
	for rows := 8; rows <= 24; rows += 8 {
		tall(avx512, rows)
	}
}

// tall writes one kernel; type TallTile in package micro says what it does. It
// computes all rows channels of a vector of positions after the other: so every
// vector of the source is loaded but once, and what it is multiplied with comes
// from memory. Its channels are often so far apart that the L1 cache
// does not hold them all: each is asked for four steps before it is read.
func tall(v vectors, rows int) {
	TEXT(fmt.Sprintf("tall%d%s", rows, v.suffix), NOSPLIT,
		"func(vectors, n, k int, a, b *float32, bRow int, prefetch *float32, gap int, c *float32, cRow int, bias *float32)")
	Pragma("noescape")
	b, c, prefetch, vectors := param("b", false), param("c", false), param("prefetch", false), param("vectors", false)
	bRow, cRow, gap := param("bRow", true), param("cRow", true), param("gap", true)

	Label("vector")
	acc := v.registers(rows)
	bias := param("bias", false)
	for i, r := range acc {
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, r)
	}
	a, at, k, some := param("a", false), GP64(), param("k", false), GP64()
	MOVQ(b, at)
	step := func() {
		x := v.register()
		VMOVUPS(Mem{Base: at}, x)
		PREFETCHT0(Mem{Base: at, Index: bRow, Scale: 4})
		for i, r := range acc {
			VFMADD231PS_BCST(Mem{Base: a, Disp: 4 * i}, x, r)
		}
		ADDQ(bRow, at)
		ADDQ(Imm(uint64(4*rows)), a)
	}
	SUBQ(Imm(tallRun), k)
	JL(LabelRef("rest"))
	Label("run")
	MOVQ(U32(tallRun), some)
	Label("step")
	PREFETCHT1(Mem{Base: prefetch})
	ADDQ(Imm(64), prefetch)
	step()
	DECQ(some)
	JNZ(LabelRef("step"))
	ADDQ(gap, prefetch)
	SUBQ(Imm(tallRun), k)
	JGE(LabelRef("run"))
	Label("rest")
	ADDQ(Imm(tallRun), k)
	JZ(LabelRef("store"))
	Label("last")
	step()
	DECQ(k)
	JNZ(LabelRef("last"))

	Label("store")
	to, n := GP64(), param("n", false)
	MOVQ(c, to)
	for i, r := range acc {
		VMOVUPS(r, Mem{Base: to})
		PREFETCHT1(Mem{Base: to, Disp: 256}) // where the fourth vector from here goes
		ADDQ(cRow, to)
		if i < rows-1 {
			CMPQ(n, Imm(uint64(i+1)))
			JE(LabelRef("next"))
		}
	}
	Label("next")
	ADDQ(Imm(uint64(v.bytes())), b)
	ADDQ(Imm(uint64(v.bytes())), c)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	VZEROUPPER()
	RET()
}
