package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// small writes kernels for depthwise convolutions of planes so small that one
// or more fit into a vector: an element of the kernel picks its elements of x
// with a permutation, whose negative indices mean 0.
func small(v vectors, taps int) {
	if v.lanes == 16 {
		smallForward(v, taps, false)
	}
	smallForward(v, taps, true)
	smallWeight(v, taps)
}

// smallForward computes groups of planes, one vector each. With several planes in a
// vector, the kernel's elements and the bias are vectors as well, which it loads once
// for some images; else images is 1.
func smallForward(v vectors, taps int, several bool) {
	name := fmt.Sprintf("smallForward%d%s", taps, v.suffix)
	if several {
		name = fmt.Sprintf("smallForwards%d%s", taps, v.suffix)
	}
	TEXT(name, NOSPLIT, "func(groups, images int, x *float32, xImage, xLanes int, y *float32, yImage, yLanes int, index *int32, w, bias *float32"+gateParams+")")
	Pragma("noescape")
	gate := v.newGate()
	xMask, yMask := v.mask(param("xLanes", false)), v.mask(param("yLanes", false))
	x, y, w, bias, index := param("x", false), param("y", false), param("w", false), param("bias", false), param("index", false)
	groups, xStep, yStep := local("groups"), param("xLanes", true), param("yLanes", true)
	zero := v.register()
	v.zero(zero)
	Label("group")
	var weights []reg.VecVirtual // if they are vectors, and there are registers for them
	if several && taps == 9 {
		weights = v.registers(taps)
	}
	first := v.register()
	size := 4 // of a weight or a bias
	if several {
		size = v.bytes()
		VMOVUPS(Mem{Base: bias}, first)
	} else {
		VBROADCASTSS(Mem{Base: bias}, first)
	}
	for t, weight := range weights {
		VMOVUPS(Mem{Base: w, Disp: v.bytes() * t}, weight)
	}
	images, xAt, yAt := reg.GPVirtual(nil), x, y
	if several {
		images, xAt, yAt = param("images", false), GP64(), GP64()
		MOVQ(x, xAt)
		MOVQ(y, yAt)
		Label("image")
	}
	plane, sum := v.register(), v.register()
	v.load(Mem{Base: xAt}, xMask, plane)
	if !several {
		sum = first
	} else {
		VMOVAPS(first, sum)
	}
	for t := range taps {
		picked := smallPick(v, index, t, plane, zero)
		switch {
		case weights != nil:
			VFMADD231PS(weights[t], picked, sum)
		case several:
			VFMADD231PS(Mem{Base: w, Disp: v.bytes() * t}, picked, sum)
		default:
			VFMADD231PS_BCST(Mem{Base: w, Disp: 4 * t}, picked, sum)
		}
	}
	gate.store([]reg.VecVirtual{sum}, yAt, func(int) reg.Register { return yMask })
	if several {
		ADDQ(param("xImage", true), xAt)
		ADDQ(param("yImage", true), yAt)
		DECQ(images)
		JNZ(LabelRef("image"))
	}
	ADDQ(xStep, x)
	ADDQ(yStep, y)
	ADDQ(U32(taps*size), w)
	ADDQ(Imm(uint64(size)), bias)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// smallPick returns the elements of plane that tap t meets.
func smallPick(v vectors, index reg.Register, t int, plane, zero reg.VecVirtual) reg.VecVirtual {
	r := v.register()
	VMOVUPS(Mem{Base: index, Disp: v.bytes() * t}, r)
	if v.lanes == 16 {
		VPERMI2PS(zero, plane, r)
		return r
	}
	picked := v.register()
	VPERMPS(plane, r, picked)
	VPSRAD(U8(31), r, r)
	VANDNPS(picked, r, picked)
	return picked
}

// smallWeight adds gy·x of some images to the vectors w of each group, one for
// each element of the kernel, and gy to another behind them.
func smallWeight(v vectors, taps int) {
	TEXT(fmt.Sprintf("smallWeight%d%s", taps, v.suffix), NOSPLIT,
		"func(groups, images int, x *float32, xStep, xImage, xLanes int, gy *float32, yStep, yImage, yLanes int, index *int32, w *float32)")
	Pragma("noescape")
	xMask, yMask := v.mask(param("xLanes", false)), v.mask(param("yLanes", false))
	x, gy, w, index := param("x", false), param("gy", false), param("w", false), param("index", false)
	xStep, yStep, xImage, yImage := param("xStep", true), param("yStep", true), param("xImage", true), param("yImage", true)
	groups := param("groups", false)
	zero := v.register()
	v.zero(zero)
	Label("group")
	sums := v.registers(taps + 1)
	for t, s := range sums {
		VMOVUPS(Mem{Base: w, Disp: v.bytes() * t}, s)
	}
	images, xAt, yAt := param("images", false), GP64(), GP64()
	MOVQ(x, xAt)
	MOVQ(gy, yAt)
	Label("image")
	plane, g := v.register(), v.register()
	v.load(Mem{Base: xAt}, xMask, plane)
	v.load(Mem{Base: yAt}, yMask, g)
	// The processor does not see ahead, image by image.
	PREFETCHT0(Mem{Base: xAt, Disp: 512})
	PREFETCHT0(Mem{Base: yAt, Disp: 512})
	for t, s := range sums[:taps] {
		VFMADD231PS(smallPick(v, index, t, plane, zero), g, s)
	}
	VADDPS(g, sums[taps], sums[taps])
	ADDQ(xImage, xAt)
	ADDQ(yImage, yAt)
	DECQ(images)
	JNZ(LabelRef("image"))
	for t, s := range sums {
		VMOVUPS(s, Mem{Base: w, Disp: v.bytes() * t})
	}
	ADDQ(U32(v.bytes()*(taps+1)), w)
	ADDQ(xStep, x)
	ADDQ(yStep, gy)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}
