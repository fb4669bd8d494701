package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// copyRows writes kernels that copy rows of at least one vector each. The last
// vector of a row overlaps the one before instead of needing a mask.
func copyRows(lanes int) {
	TEXT(fmt.Sprintf("copyRows%dAVX2", lanes), NOSPLIT, "func(rows, n int, src *float32, ss int, dst *float32, ds int)")
	Pragma("noescape")
	register := func() reg.VecVirtual {
		if lanes == 4 {
			return XMM()
		}
		return YMM()
	}
	rows := Load(Param("rows"), GP64())
	src, dst := Load(Param("src"), GP64()), Load(Param("dst"), GP64())
	ss, ds := Load(Param("ss"), GP64()), Load(Param("ds"), GP64())
	last := Load(Param("n"), GP64()) // offset of the last vector
	SUBQ(Imm(uint64(lanes)), last)

	Label("row")
	at := GP64()
	XORQ(at, at)
	CMPQ(at, last)
	JGE(LabelRef("last"))
	Label("vector")
	v := register()
	VMOVUPS(Mem{Base: src, Index: at, Scale: 4}, v)
	VMOVUPS(v, Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(Imm(uint64(lanes)), at)
	CMPQ(at, last)
	JL(LabelRef("vector"))
	Label("last")
	VMOVUPS(Mem{Base: src, Index: last, Scale: 4}, v)
	VMOVUPS(v, Mem{Base: dst, Index: last, Scale: 4})
	LEAQ(Mem{Base: src, Index: ss, Scale: 4}, src)
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
