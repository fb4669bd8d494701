package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wholeParams are the parameters of kernels for 3×3 convolutions with stride 1 and padding 1
// whose vectors are whole rows, or pairs of rows. Nothing is loaded twice, no load is masked,
// and no load of aligned data crosses cache lines. The neighbours of an element come from
// shifting lanes.
const wholeParams = "planes int, x *float32, w *float32, wPlane int, y *float32, vectors int"

// whole writes the kernels for rows of as many columns as a vector has lanes, and of half as
// many.
func whole(v vectors) {
	d := &depth{vectors: v, k: 3}
	for _, columns := range []int{v.lanes / 2, v.lanes} {
		forward, weight := d.wholeForward, d.wholeWeight
		if v.lanes == 8 {
			forward, weight = d.fewForward, d.fewWeight
		}
		TEXT(fmt.Sprintf("depthwiseForwardRows%d%s", columns, v.suffix), NOSPLIT, "func("+wholeParams+", bias *float32, biasPlane int"+gateParams+")")
		Pragma("noescape")
		forward(columns)
		TEXT(fmt.Sprintf("depthwiseWeightRows%d%s", columns, v.suffix), NOSPLIT, "func("+wholeParams+")")
		Pragma("noescape")
		weight(columns)
	}
}

// wholeForward is for AVX-512: what the kernel reads of three rows is in registers.
func (d *depth) wholeForward(columns int) {
	gate := d.newGate()
	x, y, w, bias, planes := param("x", false), param("y", false), param("w", false), param("bias", false), local("planes")
	s := d.newSlide(columns)
	Label("plane")
	weights := d.registers(9)
	for t, r := range weights {
		VBROADCASTSS(Mem{Base: w, Disp: 4 * t}, r)
	}
	first := d.register()
	VBROADCASTSS(Mem{Base: bias}, first)
	s.down(x, func(rows [3][]reg.VecVirtual) {
		sum := d.register()
		VMOVAPS(first, sum)
		for t, weight := range weights {
			VFMADD231PS(weight, rows[t/3][t%3], sum)
		}
		gate.store([]reg.VecVirtual{sum}, y, func(int) reg.Register { return nil })
		ADDQ(Imm(64), y)
	})
	ADDQ(param("wPlane", true), w)
	ADDQ(param("biasPlane", true), bias)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// wholeWeight adds sums as weight does.
func (d *depth) wholeWeight(columns int) {
	x, y, w, planes := param("x", false), param("y", false), param("w", false), local("planes")
	s := d.newSlide(columns)
	Label("plane")
	sums := d.registers(9)
	for _, sum := range sums {
		d.zero(sum)
	}
	s.down(x, func(rows [3][]reg.VecVirtual) {
		g := d.register()
		VMOVUPS(Mem{Base: y}, g)
		for t, sum := range sums {
			VFMADD231PS(g, rows[t/3][t%3], sum)
		}
		ADDQ(Imm(64), y)
	})
	d.addFolded(sums, w)
	ADDQ(param("wPlane", true), w)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// slide slides down a plane, vector by vector.
type slide struct {
	*depth
	pairs       bool         // of rows
	left, right reg.Register // masks of the lanes whose neighbour is in the row
}

func (d *depth) newSlide(columns int) *slide {
	s := &slide{d, columns == 8, K(), K()}
	bits := GP32()
	for _, m := range []struct {
		k         reg.Register
		row, pair uint32
	}{{s.left, 0xfffe, 0xfefe}, {s.right, 0x7fff, 0x7f7f}} {
		value := m.row
		if s.pairs {
			value = m.pair
		}
		MOVL(U32(value), bits)
		KMOVW(bits, m.k)
	}
	return s
}

// down calls f for each vector of a plane at x, with what each row and column of the kernel
// reads, and advances x to the end of the plane.
func (s *slide) down(x reg.GPVirtual, f func(rows [3][]reg.VecVirtual)) {
	above, this, below := s.registers(3), s.registers(3), s.registers(3)
	next := s.register()
	left := param("vectors", false)
	if s.pairs { // above of the first pair are nothing and its first row
		VMOVUPS(Mem{Base: x}, this[1])
		s.zero(next)
		VALIGND(U8(8), next, this[1], above[1])
		s.neighbours(above)
	} else {
		for _, v := range above {
			s.zero(v)
		}
		VMOVUPS(Mem{Base: x}, this[1])
		s.neighbours(this)
	}
	Label("vector")
	ADDQ(Imm(64), x)
	s.zero(next)
	CMPQ(left, Imm(1))
	JE(LabelRef("last"))
	VMOVUPS(Mem{Base: x}, next)
	Label("last")
	if s.pairs {
		s.neighbours(this)
		VALIGND(U8(8), this[1], next, below[1])
	} else {
		VMOVAPS(next, below[1])
	}
	s.neighbours(below)
	f([3][]reg.VecVirtual{above, this, below})
	if s.pairs {
		for j, v := range below {
			VMOVAPS(v, above[j])
		}
		VMOVAPS(next, this[1])
	} else {
		for j, v := range below {
			VMOVAPS(this[j], above[j])
			VMOVAPS(v, this[j])
		}
	}
	DECQ(left)
	JNZ(LabelRef("vector"))
}

// neighbours computes the left and right neighbours of the elements of row[1].
func (s *slide) neighbours(row []reg.VecVirtual) {
	VALIGND_Z(U8(15), row[1], row[1], s.left, row[0])
	VALIGND_Z(U8(1), row[1], row[1], s.right, row[2])
}
