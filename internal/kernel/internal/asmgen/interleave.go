package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// everySecond writes kernels that copy every second element of rows, n ≥ lanes of
// each. The last vector of a row overlaps the one before. Nothing is read beyond the last
// element that is copied.
func everySecond(lanes int) {
	TEXT(fmt.Sprintf("everySecond%dAVX2", lanes), NOSPLIT, "func(rows, n int, src *float32, ss int, dst *float32, ds int)")
	Pragma("noescape")
	src, ss := Load(Param("src"), GP64()), Load(Param("ss"), GP64())
	overlapped(lanes, func(at reg.GPVirtual, dst reg.Register) {
		lo, hi := reg.VecVirtual(YMM()), reg.VecVirtual(YMM())
		if lanes == 4 {
			lo, hi = XMM(), XMM()
		}
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8}, lo)
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8, Disp: 4*lanes - 4}, hi)
		VSHUFPS(U8(0xd8), hi, lo, lo)
		if lanes == 8 {
			VPERMPD(U8(0xd8), lo, lo)
		}
		VMOVUPS(lo, Mem{Base: dst, Index: at, Scale: 4})
	}, func() { LEAQ(Mem{Base: src, Index: ss, Scale: 4}, src) })
}

// interleave writes a kernel that writes rows in which the elements of rows of x and y, n ≥ 8
// of each, alternate.
func interleave() {
	TEXT("interleaveAVX2", NOSPLIT, "func(rows, n int, x, y *float32, ss int, dst *float32, ds int)")
	Pragma("noescape")
	x, y, ss := Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("ss"), GP64())
	overlapped(8, func(at reg.GPVirtual, dst reg.Register) {
		a, b, lo, hi, first, second := YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: x, Index: at, Scale: 4}, a)
		VMOVUPS(Mem{Base: y, Index: at, Scale: 4}, b)
		VUNPCKLPS(b, a, lo)
		VUNPCKHPS(b, a, hi)
		VPERM2F128(U8(0x20), hi, lo, first)
		VPERM2F128(U8(0x31), hi, lo, second)
		VMOVUPS(first, Mem{Base: dst, Index: at, Scale: 8})
		VMOVUPS(second, Mem{Base: dst, Index: at, Scale: 8, Disp: 32})
	}, func() {
		LEAQ(Mem{Base: x, Index: ss, Scale: 4}, x)
		LEAQ(Mem{Base: y, Index: ss, Scale: 4}, y)
	})
}

// overlapped writes the loops over the vectors of rows, the last of which ends
// with the row, and ends the function.
func overlapped(lanes int, vector func(at reg.GPVirtual, dst reg.Register), next func()) {
	rows, last := Load(Param("rows"), GP64()), Load(Param("n"), GP64())
	dst, ds := Load(Param("dst"), GP64()), Load(Param("ds"), GP64())
	SUBQ(Imm(uint64(lanes)), last)
	Label("row")
	at := GP64()
	XORQ(at, at)
	Label("vector")
	CMPQ(at, last)
	JGE(LabelRef("last"))
	vector(at, dst)
	ADDQ(Imm(uint64(lanes)), at)
	JMP(LabelRef("vector"))
	Label("last")
	MOVQ(last, at)
	vector(at, dst)
	next()
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
