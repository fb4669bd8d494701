package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors is an instruction set: what differs between AVX-512 and AVX2.
type vectors struct {
	suffix string
	lanes  int // float32 elements a register
}

var (
	avx512 = vectors{"AVX512", 16}
	avx2   = vectors{"AVX2", 8}
)

func (v vectors) bytes() int { return 4 * v.lanes }

// register allocates a vector register.
func (v vectors) register() reg.VecVirtual {
	if v.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

func (v vectors) registers(n int) []reg.VecVirtual {
	r := make([]reg.VecVirtual, n)
	for i := range r {
		r[i] = v.register()
	}
	return r
}

// Copy returns a register with the contents of another.
func (v vectors) Copy(x reg.VecVirtual) reg.VecVirtual {
	r := v.register()
	VMOVAPS(x, r)
	return r
}

// mask loads the mask of the first n lanes, n being at least 1: a K register
// for AVX-512, a vector of sign bits for AVX2.
func (v vectors) mask(n reg.Register) reg.Register {
	if v.lanes == 16 {
		bits := GP32()
		MOVL(U32(0xffff), bits)
		shift := GP32()
		MOVL(U32(16), shift)
		SUBL(n.(reg.GP).As32(), shift)
		SHRXL(shift, bits, bits)
		k := K()
		KMOVW(bits, k)
		return k
	}
	// Eight words from the table that end n words after the first zero.
	at := GP64()
	LEAQ(maskTable, at)
	byteOffset := GP64()
	MOVQ(n.(reg.GP).As64(), byteOffset)
	NEGQ(byteOffset)
	m := YMM()
	VMOVUPS(Mem{Base: at, Index: byteOffset, Scale: 4, Disp: 32}, m)
	return m
}

// maskOfBits returns the mask with which store writes the lanes of the lowest bits of a
// register.
func (v vectors) maskOfBits(bits reg.GPVirtual) reg.Register {
	if v.lanes == 8 {
		return bits
	}
	k := K()
	KMOVW(bits.As32(), k)
	return k
}

// maskBytes is the size of a mask in memory: a word for AVX-512, a vector for AVX2.
func (v vectors) maskBytes() int {
	if v.lanes == 16 {
		return 4
	}
	return 32
}

// maskAt loads mask i of those that begin at base.
func (v vectors) maskAt(base reg.Register, i int) reg.Register {
	m := Mem{Base: base, Disp: i * v.maskBytes()}
	if v.lanes == 16 {
		k := K()
		KMOVW(m, k)
		return k
	}
	r := YMM()
	VMOVUPS(m, r)
	return r
}

// load reads a vector, only the lanes of mask unless it is nil; others are 0.
func (v vectors) load(m Mem, mask reg.Register, to reg.VecVirtual) {
	switch {
	case mask == nil:
		VMOVUPS(m, to)
	case v.lanes == 16:
		VMOVUPS_Z(m, mask, to)
	default:
		VMASKMOVPS(m, mask, to)
	}
}

// store writes a vector, only the lanes of mask unless it is nil.
func (v vectors) store(from reg.VecVirtual, mask reg.Register, m Mem) {
	switch {
	case mask == nil:
		VMOVUPS(from, m)
	case v.lanes == 16:
		VMOVUPS(from, mask, m)
	default:
		storeFirst(from, mask, m)
	}
}

// partialStores counts the masked stores, whose labels it numbers.
var partialStores int

// storeFirst writes the first lanes of a vector of AVX2, those of mask: a vector of signs, or
// a register with a bit for each lane. It branches by their number: for VMASKMOVPS, processors
// of AMD take as long as for ten stores, also if the mask is full.
func storeFirst(from reg.VecVirtual, mask reg.Register, m Mem) {
	partialStores++
	label := func(name string) string { return fmt.Sprintf("%s%d", name, partialStores) }
	lanes := GP32() // a bit for each
	if bits, ok := mask.(reg.GP); ok {
		MOVBLZX(bits.As8(), lanes)
	} else {
		VMOVMSKPS(mask, lanes)
	}
	CMPL(lanes, U32(0xff))
	JNE(LabelRef(label("partial")))
	VMOVUPS(from, m)
	JMP(LabelRef(label("stored")))

	Label(label("partial"))
	to, part := GP64(), XMM()
	LEAQ(m, to)
	VMOVAPS(from.AsX(), part)
	TESTL(U32(1<<3), lanes)
	JEQ(LabelRef(label("two")))
	VMOVUPS(part, Mem{Base: to})
	VEXTRACTF128(U8(1), from.AsY(), part)
	ADDQ(U8(16), to)
	SHRL(U8(4), lanes)
	Label(label("two"))
	TESTL(U32(1<<1), lanes)
	JEQ(LabelRef(label("one")))
	VMOVLPS(part, Mem{Base: to})
	VMOVHLPS(part, part, part)
	ADDQ(U8(8), to)
	SHRL(U8(2), lanes)
	Label(label("one"))
	TESTL(U32(1), lanes)
	JEQ(LabelRef(label("stored")))
	VMOVSS(part, Mem{Base: to})
	Label(label("stored"))
}

// maskTable holds eight words of ones and eight of zeros.
var maskTable Mem

func maskData() {
	maskTable = GLOBL("laneMask", 8|16) // RODATA | NOPTR
	for i := range 16 {
		value := uint32(0)
		if i < 8 {
			value = 0xffffffff
		}
		DATA(4*i, U32(value))
	}
}
