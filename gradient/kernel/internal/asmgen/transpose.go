package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes a kernel that turns blocks of 8 rows by 8 columns. Half of
// the shuffling is done by the loads: the upper half of a register takes the
// row four further down.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(blocks int, src *float32, ss, rows int, dst *float32, ds int)")
	Pragma("noescape")
	n := Load(Param("rows"), GP64())
	stride := Load(Param("ss"), GP64())
	src := clampedRows(8, Load(Param("src"), GP64()), stride, n)
	dst := Load(Param("dst"), GP64())
	ds := Load(Param("ds"), GP64())
	SHLQ(U8(2), ds)
	blocks := Load(Param("blocks"), GP64())

	Label("block")
	var out [8]reg.VecVirtual
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
		for i, pair := range [][2]reg.VecVirtual{lo, hi} {
			out[4*half+2*i], out[4*half+2*i+1] = YMM(), YMM()
			VUNPCKLPD(pair[1], pair[0], out[4*half+2*i])
			VUNPCKHPD(pair[1], pair[0], out[4*half+2*i+1])
		}
	}
	for j, r := range out {
		VMOVUPS(r, Mem{Base: dst})
		ADDQ(ds, dst)
		ADDQ(Imm(32), src[j])
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
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
