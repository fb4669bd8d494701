package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// quads writes a kernel that transposes n matrices of 4×4 quads, which are four elements
// that stay together. The matrices are srcNext and dstNext elements apart.
func quads() {
	TEXT("transposeQuadsAVX512", NOSPLIT, "func(n int, src *float32, ss, srcNext int, dst *float32, ds, dstNext int)")
	Pragma("noescape")
	n, src, dst := param("n", false), param("src", false), param("dst", false)
	ss, ds, srcNext, dstNext := param("ss", true), param("ds", true), param("srcNext", true), param("dstNext", true)
	ss3, ds3 := GP64(), GP64()
	LEAQ(Mem{Base: ss, Index: ss, Scale: 2}, ss3)
	LEAQ(Mem{Base: ds, Index: ds, Scale: 2}, ds3)

	Label("matrix")
	r := avx512.registers(4)
	for i, m := range fourRows(src, ss, ss3) {
		VMOVUPS(m, r[i])
	}
	// Pairs of quads of two rows, then those of all four.
	lo, hi := [2]reg.VecVirtual{ZMM(), ZMM()}, [2]reg.VecVirtual{ZMM(), ZMM()}
	for i := range 2 {
		VSHUFF32X4(U8(0x44), r[2*i+1], r[2*i], lo[i])
		VSHUFF32X4(U8(0xee), r[2*i+1], r[2*i], hi[i])
	}
	for j, m := range fourRows(dst, ds, ds3) {
		from, how := lo, uint8(0x88)
		if j >= 2 {
			from = hi
		}
		if j%2 == 1 {
			how = 0xdd
		}
		out := ZMM()
		VSHUFF32X4(U8(how), from[1], from[0], out)
		VMOVUPS(out, m)
	}
	ADDQ(srcNext, src)
	ADDQ(dstNext, dst)
	DECQ(n)
	JNZ(LabelRef("matrix"))
	VZEROUPPER()
	RET()
}

// fourRows returns where rows begin that are step bytes apart; step3 is three times
// that.
func fourRows(base, step, step3 reg.Register) [4]Mem {
	return [4]Mem{{Base: base}, {Base: base, Index: step, Scale: 1}, {Base: base, Index: step, Scale: 2}, {Base: base, Index: step3, Scale: 1}}
}
