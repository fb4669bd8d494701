package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// separator takes vectors apart: elements with even numbers and elements with odd ones.
type separator struct {
	vectors
	even, odd reg.VecVirtual // indices, for AVX-512
}

// newSeparator loads the indices.
func (v vectors) newSeparator() separator {
	s := separator{vectors: v}
	if v.lanes == 8 {
		return s
	}
	s.even, s.odd = v.register(), v.register()
	t := GP64()
	LEAQ(everyOther, t)
	VMOVUPS(Mem{Base: t}, s.even)
	VMOVUPS(Mem{Base: t, Disp: 64}, s.odd)
	return s
}

// of takes two neighbouring vectors apart.
func (s separator) of(lo, hi reg.VecVirtual) (even, odd reg.VecVirtual) {
	even, odd = s.register(), s.register()
	if s.lanes == 16 {
		VMOVAPS(lo, even)
		VPERMT2PS(hi, s.even, even)
		VMOVAPS(lo, odd)
		VPERMT2PS(hi, s.odd, odd)
		return even, odd
	}
	VSHUFPS(U8(0x88), hi, lo, even)
	VPERMPD(U8(0xd8), even, even)
	VSHUFPS(U8(0xdd), hi, lo, odd)
	VPERMPD(U8(0xd8), odd, odd)
	return even, odd
}

// everyOther holds the indices of the even and of the odd of 32 elements.
var everyOther Mem

func everyOtherData() {
	everyOther = GLOBL("everyOther", 8|16) // RODATA | NOPTR
	for i := range 32 {
		DATA(4*i, U32(i%16*2+i/16))
	}
}
