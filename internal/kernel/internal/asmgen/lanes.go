package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// lanes writes the kernels of Winograd's convolutions F(2×2, 3×3) and F(2, 3) with tiles in
// the lanes of vectors. Type laneKernels in package winograd says what they compute.
func lanes(v vectors) {
	v.laneWindows()
	v.laneInputs()
	_, vecs := v.directShape()
	for n := range vecs {
		v.laneProducts(n + 1)
		v.laneRows(n + 1)
	}
	v.laneOutputs()
}

// laneWindows transforms rows of planes horizontally. The four elements of each tile are
// every other one from two places, in two vectors each.
func (v vectors) laneWindows() {
	TEXT("laneWindows"+v.suffix, NOSPLIT, "func(channels, rows, vectors int, src *float32, srcStep, line, left int, even, odd *float32, step, plane, row int, masks *uint32)")
	Pragma("noescape")
	channels, src, even, odd := local("channels"), local("src"), local("even"), local("odd")
	apart := v.newSeparator()
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
		exist[i] = v.maskAt(m, i)
	}
	ADDQ(Imm(uint64(len(exist)*v.maskBytes())), masks)
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
	var tile [4]reg.VecVirtual
	for pair := range 2 {
		lo, hi := v.register(), v.register()
		v.load(Mem{Base: from, Disp: 8 * pair}, exist[2*pair], lo)
		v.load(Mem{Base: from, Disp: 8*pair + v.bytes()}, exist[2*pair+1], hi)
		tile[2*pair], tile[2*pair+1] = apart.of(lo, hi)
	}
	for i, x := range v.laneInput(tile) {
		v.store(x, exist[4], fourRows(to, plane, plane3)[i])
	}
	ADDQ(line, from)
	ADDQ(row, to)
	XCHGQ(to, next)
	DECQ(rows)
	JNZ(LabelRef("row"))
	ADDQ(Imm(uint64(v.bytes())), at)
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
func (v vectors) laneInput(x [4]reg.VecVirtual) [4]reg.VecVirtual {
	y := [4]reg.VecVirtual(v.registers(4))
	VSUBPS(x[2], x[0], y[0])
	VADDPS(x[2], x[1], y[1])
	VSUBPS(x[1], x[2], y[2])
	VSUBPS(x[3], x[1], y[3])
	return y
}

// laneInputs transforms what laneWindows wrote vertically.
func (v vectors) laneInputs() {
	TEXT("laneInputs"+v.suffix, NOSPLIT, "func(channels, vectors int, src *float32, srcStep, srcPlane, half, row int, dst *float32, dstStep, plane int)")
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
			x[i] = v.register()
			m := Mem{Base: []reg.Register{even, odd}[i%2]}
			if i > 1 {
				m.Index, m.Scale = row, 1
			}
			VMOVUPS(m, x[i])
		}
		for i, y := range v.laneInput(x) {
			VMOVUPS(y, fourRows(to[i], plane, plane3)[j])
		}
		if j < 3 {
			ADDQ(srcPlane, even)
			ADDQ(srcPlane, odd)
		}
	}
	for _, p := range append(to[:], from) {
		ADDQ(Imm(uint64(v.bytes())), p)
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
func (v vectors) laneOutputs() {
	TEXT("laneOutputs"+v.suffix, NOSPLIT, "func(channels, vectors int, p *float32, step, plane int, dst *float32, dstStep, line int, at *int, bias *float32)")
	Pragma("noescape")
	channels, p, bias := local("channels"), local("p"), local("bias")
	indices := v.interleaving()
	plane, dst, line := param("plane", true), param("dst", false), param("line", true)
	plane3 := GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)

	Label("channel")
	b, add := GP64(), v.register()
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
			x := v.register()
			VMOVUPS(m, x)
			if i == 0 {
				sums[0][j] = x
				continue
			}
			VADDPS(x, sums[0][j], sums[0][j])
			if i == 1 {
				sums[1][j] = x
			} else {
				VSUBPS(x, sums[1][j], sums[1][j])
			}
		}
		if i < 3 {
			LEAQ(Mem{Base: row, Index: plane, Scale: 4}, row)
		}
	}
	to := make([]reg.GPVirtual, 2*v.lanes/8)
	for i := range to {
		to[i] = GP64()
		MOVQ(Mem{Base: at, Disp: 8 * i}, to[i])
		LEAQ(Mem{Base: dst, Index: to[i], Scale: 4}, to[i])
	}
	for i, x := range sums {
		outputs := v.registers(2) // even and odd
		VADDPS(x[1], x[0], outputs[0])
		VADDPS(x[2], outputs[0], outputs[0])
		VADDPS(add, outputs[0], outputs[0])
		VSUBPS(x[2], x[1], outputs[1])
		VSUBPS(x[3], outputs[1], outputs[1])
		VADDPS(add, outputs[1], outputs[1])
		lo, hi := v.interleave(indices, outputs)
		for piece, p := range to {
			m := Mem{Base: p}
			if i == 1 {
				m.Index, m.Scale = line, 1
			}
			half := []reg.VecVirtual{lo, hi}[piece*2/len(to)]
			if piece%(v.lanes/8) == 0 {
				VMOVUPS(half.AsY(), m)
			} else {
				VEXTRACTF64X4(U8(1), half, m)
			}
		}
	}
	ADDQ(Imm(uint64(8*len(to))), at)
	ADDQ(Imm(uint64(v.bytes())), from)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(param("step", true), p)
	ADDQ(param("dstStep", true), dst)
	DECQ(channels)
	JNZ(LabelRef("channel"))
	VZEROUPPER()
	RET()
}
