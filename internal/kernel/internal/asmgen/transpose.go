package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes a kernel that transposes lines of up to 8 rows and at least 8
// columns, in blocks of 8×8 of which the last may overlap the one before. Half
// of the shuffling is done by the loads: the upper half of a register takes the
// row four further down.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(lines, cols int, src *float32, ss, srcLine, rows int, dst *float32, ds, dstLine int)")
	Pragma("noescape")
	src := clampedRows(8, Load(Param("src"), GP64()), Load(Param("ss"), GP64()), Load(Param("rows"), GP64()))
	lines, to := AllocLocal(8), AllocLocal(8)
	t := GP64()
	Load(Param("lines"), t)
	MOVQ(t, lines)
	dst := GP64()
	Load(Param("dst"), dst)
	MOVQ(dst, to)
	ds := GP64()
	Load(Param("ds"), ds)
	SHLQ(U8(2), ds)

	Label("line")
	tail := GP64()
	Load(Param("cols"), tail)
	blocks := GP64()
	MOVQ(tail, blocks)
	SHRQ(U8(3), blocks)
	ANDQ(U8(7), tail)

	Label("block")
	transposeBlock(src, dst, ds)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	TESTQ(tail, tail)
	JZ(LabelRef("next"))
	// One more block, that ends with the last column.
	SUBQ(U8(8), tail)
	for _, p := range src {
		LEAQ(Mem{Base: p, Index: tail, Scale: 4}, p)
	}
	IMULQ(ds, tail)
	ADDQ(tail, dst)
	XORQ(tail, tail)
	MOVQ(U32(1), blocks)
	JMP(LabelRef("block"))

	Label("next")
	step := GP64()
	Load(Param("dstLine"), step)
	MOVQ(to, dst)
	LEAQ(Mem{Base: dst, Index: step, Scale: 4}, dst)
	MOVQ(dst, to)
	Load(Param("cols"), t)
	Load(Param("srcLine"), step)
	SUBQ(t, step)
	for _, p := range src {
		LEAQ(Mem{Base: p, Index: step, Scale: 4}, p)
	}
	DECQ(lines)
	JNZ(LabelRef("line"))
	VZEROUPPER()
	RET()
}

// transposeBlock transposes 8×8 elements and advances the pointers.
func transposeBlock(src []reg.GPVirtual, dst, ds reg.GPVirtual) {
	for half := range 2 {
		var r [4]reg.VecVirtual // rows i (low) and i+4 (high), columns 4·half to 4·half+3
		for i := range r {
			r[i] = YMM()
			VMOVUPS(Mem{Base: src[i], Disp: 16 * half}, r[i].AsX())
			VINSERTF128(U8(1), Mem{Base: src[i+4], Disp: 16 * half}, r[i], r[i])
		}
		lo, hi := [2]reg.VecVirtual{YMM(), YMM()}, [2]reg.VecVirtual{YMM(), YMM()}
		for i := range 2 {
			VUNPCKLPS(r[2*i+1], r[2*i], lo[i])
			VUNPCKHPS(r[2*i+1], r[2*i], hi[i])
		}
		for _, pair := range [][2]reg.VecVirtual{lo, hi} {
			for _, unpack := range []func(ops ...Op){VUNPCKLPD, VUNPCKHPD} {
				out := YMM()
				unpack(pair[1], pair[0], out)
				VMOVUPS(out, Mem{Base: dst})
				ADDQ(ds, dst)
			}
		}
	}
	for _, p := range src {
		ADDQ(Imm(32), p)
	}
}

// clampedRows returns pointers to rows stride elements apart; those from row n
// on repeat row n-1, so that a kernel of fixed height reads nothing else.
func clampedRows(rows int, base, stride, n reg.Register) []reg.GPVirtual {
	p := make([]reg.GPVirtual, rows)
	p[0] = GP64()
	MOVQ(base, p[0])
	for i := 1; i < rows; i++ {
		p[i] = GP64()
		MOVQ(p[i-1], p[i])
		next := GP64()
		LEAQ(Mem{Base: p[i-1], Index: stride, Scale: 4}, next)
		CMPQ(n, U8(i))
		CMOVQHI(next, p[i])
	}
	return p
}
