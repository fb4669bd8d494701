package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowSums writes a kernel that sums 8 rows, which consist of runs of whole vectors:
// each run begins gap elements behind the one before, and rows are row elements
// apart. It stores 16 numbers, the second half of no meaning.
func rowSums() {
	TEXT("rowSumsAVX512", NOSPLIT, "func(runs, vectors int, x *float32, row, gap int, sums *float32)")
	Pragma("noescape")
	v := avx512
	runs, x, row, gap := param("runs", false), param("x", false), param("row", true), param("gap", true)
	row3, row4 := GP64(), GP64()
	LEAQ(Mem{Base: row, Index: row, Scale: 2}, row3)
	acc := v.registers(8)
	for _, r := range acc {
		v.zero(r)
	}
	Label("run")
	at, left := GP64(), param("vectors", false)
	MOVQ(x, at)
	Label("vector")
	LEAQ(Mem{Base: at, Index: row, Scale: 4}, row4)
	for i, r := range acc {
		VADDPS(fourRows([2]reg.Register{at, row4}[i/4], row, row3)[i%4], r, r)
	}
	ADDQ(Imm(uint64(v.bytes())), at)
	DECQ(left)
	JNZ(LabelRef("vector"))
	ADDQ(gap, x)
	DECQ(runs)
	JNZ(LabelRef("run"))
	v.storeSums(acc, Mem{Base: param("sums", false)})
	VZEROUPPER()
	RET()
}
