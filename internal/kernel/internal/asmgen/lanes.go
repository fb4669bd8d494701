package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The transforms of Winograd's convolutions F(2×2, 3×3) and F(2, 3) with tiles in the
// lanes of AVX-512. Type laneKernels in package winograd says what they compute.

// laneWindows transforms rows of planes horizontally. The four elements of each of 16
// tiles are every other one from two places, in two vectors each.
func laneWindows() {
	TEXT("laneWindowsAVX512", NOSPLIT, "func(channels, rows, vectors int, src *float32, srcStep, line, left int, even, odd *float32, step, plane, row int, masks *uint32)")
	Pragma("noescape")
	channels, src, even, odd := local("channels"), local("src"), local("even"), local("odd")
	t := GP64()
	LEAQ(everyOther, t)
	evens, odds := ZMM(), ZMM()
	VMOVUPS(Mem{Base: t}, evens)
	VMOVUPS(Mem{Base: t, Disp: 64}, odds)
	line, plane, row := param("line", true), param("plane", true), param("row", true)
	plane3 := GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	at, vectors, masks := AllocLocal(8), AllocLocal(8), AllocLocal(8)

	Label("channel")
	MOVQ(U32(0), at)
	MOVQ(param("vectors", false), vectors)
	MOVQ(param("masks", false), masks)

	Label("vector")
	m := GP64()
	MOVQ(masks, m)
	exist := make([]reg.Register, 5)
	for i := range exist {
		exist[i] = K()
		KMOVW(Mem{Base: m, Disp: 4 * i}, exist[i])
	}
	ADDQ(Imm(20), masks)
	from, to, next, offset := GP64(), GP64(), GP64(), GP64()
	MOVQ(at, offset)
	MOVQ(even, to)
	ADDQ(offset, to)
	MOVQ(odd, next)
	ADDQ(offset, next)
	MOVQ(src, from)
	LEAQ(Mem{Base: from, Index: offset, Scale: 2}, from)
	SUBQ(param("left", true), from)
	rows := param("rows", false)

	Label("row")
	var x, tile [4]reg.VecVirtual
	for i, disp := range []int{0, 64, 8, 72} {
		x[i] = ZMM()
		VMOVUPS_Z(Mem{Base: from, Disp: disp}, exist[i], x[i])
	}
	for i := range tile {
		tile[i] = avx512.Copy([]reg.VecVirtual{evens, odds}[i%2])
		VPERMI2PS(x[i/2*2+1], x[i/2*2], tile[i])
	}
	for i, v := range laneInput(tile) {
		VMOVUPS(v, exist[4], fourRows(to, plane, plane3)[i])
	}
	ADDQ(line, from)
	ADDQ(row, to)
	XCHGQ(to, next)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ADDQ(Imm(64), at)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(param("srcStep", true), src)
	step := param("step", true)
	ADDQ(step, even)
	ADDQ(step, odd)
	DECQ(channels)
	JNZ(LabelRef("channel"))
	VZEROUPPER()
	RET()
}

// laneInput returns Bᵀ·x.
func laneInput(x [4]reg.VecVirtual) [4]reg.VecVirtual {
	y := [4]reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
	VSUBPS(x[2], x[0], y[0])
	VADDPS(x[2], x[1], y[1])
	VSUBPS(x[1], x[2], y[2])
	VSUBPS(x[3], x[1], y[3])
	return y
}

// laneInputs transforms what laneWindows wrote vertically.
func laneInputs() {
	TEXT("laneInputsAVX512", NOSPLIT, "func(channels, vectors int, src *float32, srcStep, srcPlane, half, row int, dst *float32, dstStep, plane int)")
	Pragma("noescape")
	channels, src, dst, vectors := local("channels"), local("src"), local("dst"), AllocLocal(8)
	plane := param("plane", true)
	plane3 := GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	half, row, srcPlane := param("half", true), param("row", true), param("srcPlane", true)

	Label("channel")
	MOVQ(param("vectors", false), vectors)
	from := GP64()
	MOVQ(src, from)
	var to [4]reg.GPVirtual
	for i := range to {
		to[i] = GP64()
		if i == 0 {
			MOVQ(dst, to[i])
		} else {
			LEAQ(Mem{Base: to[i-1], Index: plane, Scale: 4}, to[i])
		}
	}

	Label("vector")
	even, odd := GP64(), GP64()
	MOVQ(from, even)
	LEAQ(Mem{Base: from, Index: half, Scale: 1}, odd)
	for j := range 4 {
		var x [4]reg.VecVirtual
		for i := range x {
			x[i] = ZMM()
			m := Mem{Base: []reg.Register{even, odd}[i%2]}
			if i > 1 {
				m.Index, m.Scale = row, 1
			}
			VMOVUPS(m, x[i])
		}
		for i, v := range laneInput(x) {
			VMOVUPS(v, fourRows(to[i], plane, plane3)[j])
		}
		if j < 3 {
			ADDQ(srcPlane, even)
			ADDQ(srcPlane, odd)
		}
	}
	ADDQ(Imm(64), from)
	for _, p := range to {
		ADDQ(Imm(64), p)
	}
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(param("srcStep", true), src)
	ADDQ(param("dstStep", true), dst)
	DECQ(channels)
	JNZ(LabelRef("channel"))
	VZEROUPPER()
	RET()
}

// laneOutputs transforms products back.
func laneOutputs() {
	TEXT("laneOutputsAVX512", NOSPLIT, "func(channels, vectors int, p *float32, step, plane int, dst *float32, dstStep, line int, at *int, bias *float32)")
	Pragma("noescape")
	channels, p, bias := local("channels"), local("p"), local("bias")
	first, second := interleaving()
	plane, dst, line := param("plane", true), param("dst", false), param("line", true)
	plane3 := GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)

	Label("channel")
	b, add := GP64(), ZMM()
	MOVQ(bias, b)
	VBROADCASTSS(Mem{Base: b}, add)
	ADDQ(Imm(4), bias)
	vectors, at, from := param("vectors", false), param("at", false), GP64()
	MOVQ(p, from)

	Label("vector")
	var sums [2][4]reg.VecVirtual // Aᵀ·p
	row := GP64()
	MOVQ(from, row)
	for i := range 4 {
		for j := range 4 {
			m := fourRows(row, plane, plane3)[j]
			if i == 3 {
				VSUBPS(m, sums[1][j], sums[1][j])
				continue
			}
			v := ZMM()
			VMOVUPS(m, v)
			if i == 0 {
				sums[0][j] = v
				continue
			}
			VADDPS(v, sums[0][j], sums[0][j])
			if i == 1 {
				sums[1][j] = v
			} else {
				VSUBPS(v, sums[1][j], sums[1][j])
			}
		}
		if i < 3 {
			LEAQ(Mem{Base: row, Index: plane, Scale: 4}, row)
		}
	}
	var to [4]reg.GPVirtual
	for i := range to {
		to[i] = GP64()
		MOVQ(Mem{Base: at, Disp: 8 * i}, to[i])
		LEAQ(Mem{Base: dst, Index: to[i], Scale: 4}, to[i])
	}
	for i, x := range sums {
		even, odd := ZMM(), ZMM()
		VADDPS(x[1], x[0], even)
		VADDPS(x[2], even, even)
		VADDPS(add, even, even)
		VSUBPS(x[2], x[1], odd)
		VSUBPS(x[3], odd, odd)
		VADDPS(add, odd, odd)
		for half, order := range []reg.VecVirtual{first, second} {
			v := avx512.Copy(order)
			VPERMI2PS(odd, even, v)
			lo, hi := Mem{Base: to[2*half]}, Mem{Base: to[2*half+1]}
			if i == 1 {
				lo.Index, lo.Scale, hi.Index, hi.Scale = line, 1, line, 1
			}
			VMOVUPS(v.AsY(), lo)
			VEXTRACTF64X4(U8(1), v, hi)
		}
	}
	ADDQ(Imm(32), at)
	ADDQ(Imm(64), from)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(param("step", true), p)
	ADDQ(param("dstStep", true), dst)
	DECQ(channels)
	JNZ(LabelRef("channel"))
	VZEROUPPER()
	RET()
}
