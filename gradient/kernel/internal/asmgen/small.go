package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// small writes kernels for depthwise convolutions of planes so small that one
// or more fit into a vector: an element of the kernel picks its elements of x
// with a permutation, whose indices from 16 on mean 0.
func small(taps int) {
	smallForward(taps, false)
	smallForward(taps, true)
	smallWeight(taps)
}

// smallForward computes groups of planes, one vector each. With several planes
// in a vector, the kernel's elements and the bias are vectors as well.
func smallForward(taps int, several bool) {
	name := fmt.Sprintf("smallForward%dAVX512", taps)
	if several {
		name = fmt.Sprintf("smallForwards%dAVX512", taps)
	}
	TEXT(name, NOSPLIT, "func(groups int, x *float32, xStep, xLanes int, y *float32, yStep, yLanes int, index *int32, w *float32, wStep int, bias *float32, biasStep int"+gateParams+")")
	Pragma("noescape")
	v := avx512
	gate := v.newGate()
	xMask, yMask := v.mask(param("xLanes", false)), v.mask(param("yLanes", false))
	x, y, w, bias, index := param("x", false), param("y", false), param("w", false), param("bias", false), param("index", false)
	xStep, yStep, wStep, biasStep := param("xStep", true), param("yStep", true), param("wStep", true), param("biasStep", true)
	groups := param("groups", false)
	zero := v.register()
	v.zero(zero)
	Label("group")
	plane, sum := v.register(), v.register()
	v.load(Mem{Base: x}, xMask, plane)
	if several {
		VMOVUPS(Mem{Base: bias}, sum)
	} else {
		VBROADCASTSS(Mem{Base: bias}, sum)
	}
	for t := range taps {
		picked := smallPick(v, index, t, plane, zero)
		if several {
			VFMADD231PS(Mem{Base: w, Disp: 64 * t}, picked, sum)
		} else {
			VFMADD231PS_BCST(Mem{Base: w, Disp: 4 * t}, picked, sum)
		}
	}
	gate.store([]reg.VecVirtual{sum}, y, func(int) reg.Register { return yMask })
	for _, p := range [][2]reg.Register{{xStep, x}, {yStep, y}, {wStep, w}, {biasStep, bias}} {
		ADDQ(p[0], p[1])
	}
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// smallPick returns the elements of plane that tap t meets.
func smallPick(v vectors, index reg.Register, t int, plane, zero reg.VecVirtual) reg.VecVirtual {
	r := v.register()
	VMOVUPS(Mem{Base: index, Disp: 64 * t}, r)
	VPERMI2PS(zero, plane, r)
	return r
}

// smallWeight adds gy·x of some images to the vectors w of each group, one for
// each element of the kernel.
func smallWeight(taps int) {
	TEXT(fmt.Sprintf("smallWeight%dAVX512", taps), NOSPLIT,
		"func(groups, images int, x *float32, xStep, xImage, xLanes int, gy *float32, yStep, yImage, yLanes int, index *int32, w *float32)")
	Pragma("noescape")
	v := avx512
	xMask, yMask := v.mask(param("xLanes", false)), v.mask(param("yLanes", false))
	x, gy, w, index := param("x", false), param("gy", false), param("w", false), param("index", false)
	xStep, yStep, xImage, yImage := param("xStep", true), param("yStep", true), param("xImage", true), param("yImage", true)
	groups := param("groups", false)
	zero := v.register()
	v.zero(zero)
	Label("group")
	sums := v.registers(taps)
	for t, s := range sums {
		VMOVUPS(Mem{Base: w, Disp: 64 * t}, s)
	}
	images, xAt, yAt := param("images", false), GP64(), GP64()
	MOVQ(x, xAt)
	MOVQ(gy, yAt)
	Label("image")
	plane, g := v.register(), v.register()
	v.load(Mem{Base: xAt}, xMask, plane)
	v.load(Mem{Base: yAt}, yMask, g)
	for t, s := range sums {
		VFMADD231PS(smallPick(v, index, t, plane, zero), g, s)
	}
	ADDQ(xImage, xAt)
	ADDQ(yImage, yAt)
	DECQ(images)
	JNZ(LabelRef("image"))
	for t, s := range sums {
		VMOVUPS(s, Mem{Base: w, Disp: 64 * t})
	}
	ADDQ(U32(64*taps), w)
	ADDQ(xStep, x)
	ADDQ(yStep, gy)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}
