package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sumEach writes a kernel that sums each of n adjacent slices of size elements: four
// at a time, so that four additions are under way, then one at a time, with the
// same result. Neither n nor size is 0.
func sumEach(v vectors) {
	TEXT("sumEach"+v.suffix, NOSPLIT, "func(n, size int, x, to *float32)")
	Pragma("noescape")
	n, x, to := param("n", false), param("x", false), param("to", false)
	step, step3, whole := param("size", true), GP64(), param("size", false)
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, step3)
	DECQ(whole)
	ANDQ(I32(-v.lanes), whole) // elements before the last vector
	last := param("size", false)
	SUBQ(whole, last)
	mask := v.mask(last)

	Label("four")
	CMPQ(n, Imm(4))
	JL(LabelRef("rest"))
	sums := v.registers(4)
	sumVectors(v, "four", whole, x, mask, sums, []Mem{{}, {Index: step, Scale: 1}, {Index: step, Scale: 2}, {Index: step3, Scale: 1}})
	VMOVUPS(v.foldFour(sums), Mem{Base: to})
	LEAQ(Mem{Base: x, Index: step, Scale: 4}, x)
	ADDQ(Imm(16), to)
	SUBQ(Imm(4), n)
	JMP(LabelRef("four"))

	Label("rest")
	TESTQ(n, n)
	JZ(LabelRef("end"))
	sumVectors(v, "one", whole, x, mask, sums[:1], []Mem{{}})
	VMOVSS(v.foldFour(sums[:1]), Mem{Base: to})
	ADDQ(step, x)
	ADDQ(Imm(4), to)
	DECQ(n)
	JMP(LabelRef("rest"))
	Label("end")
	VZEROUPPER()
	RET()
}

// sumVectors adds up the vectors of slices, which begin at x and further on.
func sumVectors(v vectors, name string, whole, x, mask reg.Register, sums []reg.VecVirtual, from []Mem) {
	at, left := GP64(), GP64()
	MOVQ(x, at)
	MOVQ(whole, left)
	for _, s := range sums {
		v.zero(s)
	}
	Label(name + "Vector")
	TESTQ(left, left)
	JZ(LabelRef(name + "Last"))
	for i, m := range from {
		m.Base = at
		VADDPS(m, sums[i], sums[i])
	}
	ADDQ(Imm(uint64(v.bytes())), at)
	SUBQ(Imm(uint64(v.lanes)), left)
	JMP(LabelRef(name + "Vector"))
	Label(name + "Last")
	for i, m := range from {
		m.Base = at
		r := v.register()
		v.load(m, mask, r)
		VADDPS(r, sums[i], sums[i])
	}
}
