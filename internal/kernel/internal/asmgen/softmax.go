package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// softmax writes a function that computes the softmax of rows of n elements, one
// after another in memory, times scale. Each is read three times, from cache.
func softmax(v vectors) {
	TEXT("softmax"+v.suffix, NOSPLIT, "func(rows, n int, x, y *float32, scale float32)")
	Pragma("noescape")
	c := newCode(v)
	n := Load(Param("n"), GP64())
	whole, left := GP64(), GP64() // bytes in whole vectors, elements then
	MOVQ(n, whole)
	ANDQ(I32(int32(-c.lanes)), whole)
	MOVQ(n, left)
	SUBQ(whole, left)
	SHLQ(U8(2), whole)
	SHLQ(U8(2), n)
	mask := c.mask(left) // not used if nothing is left
	x, y := Load(Param("x"), GP64()), Load(Param("y"), GP64())
	rows := Load(Param("rows"), GP64())
	s := XMM()
	Load(Param("scale"), s)
	scale := c.register()
	VBROADCASTSS(s, scale)

	// pass calls f for each vector of a row, with the mask of its elements.
	pass := func(name string, f func(from, to Mem, mask reg.Register)) {
		at := GP64()
		XORQ(at, at)
		c.tail = nil
		CMPQ(at, whole)
		JGE(LabelRef(name + "Rest"))
		Label(name)
		f(Mem{Base: x, Index: at, Scale: 1}, Mem{Base: y, Index: at, Scale: 1}, nil)
		ADDQ(U32(uint32(c.bytes())), at)
		CMPQ(at, whole)
		JL(LabelRef(name))
		Label(name + "Rest")
		TESTQ(left, left)
		JZ(LabelRef(name + "End"))
		c.tail = mask
		f(Mem{Base: x, Index: at, Scale: 1}, Mem{Base: y, Index: at, Scale: 1}, mask)
		Label(name + "End")
	}

	Label("row")
	top := c.Hold(math.Inf(-1))
	pass("largest", func(from, to Mem, mask reg.Register) {
		t := c.register()
		c.load(from, mask, t)
		VMULPS(scale, t, t)
		c.store(t, mask, to)
		VMAXPS(c.Clean(t, math.Inf(-1)), top, top)
	})
	all := c.register()
	VBROADCASTSS(c.foldLanes(top, func(x, y, r reg.Register) { VMAXPS(y, x, r) }).AsX(), all)
	sum := c.register()
	c.zero(sum)
	pass("exp", func(_, to Mem, mask reg.Register) {
		t := c.register()
		c.load(to, mask, t)
		e := formula.Exp[reg.VecVirtual](c, c.Sub(t, all))
		c.store(e, mask, to)
		VADDPS(c.Clean(e, 0), sum, sum)
	})
	total := c.foldLanes(sum, func(x, y, r reg.Register) { VADDPS(y, x, r) }).AsX()
	factor, one := c.register(), XMM()
	VMOVSS(c.constant(1.0), one)
	VDIVSS(total, one, one)
	VBROADCASTSS(one, factor)
	pass("scale", func(_, to Mem, mask reg.Register) {
		t := c.register()
		c.load(to, mask, t)
		VMULPS(factor, t, t)
		c.store(t, mask, to)
	})
	ADDQ(n, x)
	ADDQ(n, y)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
