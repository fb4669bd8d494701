package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves writes the kernels of pooling with windows of 2×2 side by side: the maximum, and its
// gradient. They take rows of at least one vector of outputs, with the given number of lanes.
// NaN counts as the maximum of a window.
func halves(lanes int) {
	TEXT(fmt.Sprintf("halveMax%dAVX2", lanes), NOSPLIT, "func(rows, n int, x *float32, line int, y *float32)")
	Pragma("noescape")
	h := newHalves(lanes, "y")
	h.rows(func(at reg.GPVirtual) {
		_, most := h.window(at)
		VMOVUPS(most, Mem{Base: h.out, Index: at, Scale: 4})
	}, func() { LEAQ(Mem{Base: h.out, Index: h.n, Scale: 4}, h.out) })

	TEXT(fmt.Sprintf("halveMaxGrad%dAVX2", lanes), NOSPLIT, "func(rows, n int, x *float32, line int, gy, gx *float32)")
	Pragma("noescape")
	h = newHalves(lanes, "gx")
	gy := Load(Param("gy"), GP64())
	h.rows(func(at reg.GPVirtual) {
		w, most := h.window(at)
		g := h.register()
		VMOVUPS(Mem{Base: gy, Index: at, Scale: 4}, g)
		for i := range w[:3] {
			is := h.isMost(w[i], most)
			VANDPS(g, is, w[i])
			VANDNPS(g, is, g) // what is left for the others
		}
		w[3] = g
		for i, row := range [2]Mem{{Base: h.out}, {Base: h.out, Index: h.line, Scale: 4}} {
			a, b, lo, hi := w[2*i], w[2*i+1], h.register(), h.register()
			VUNPCKLPS(b, a, lo)
			VUNPCKHPS(b, a, hi)
			if lanes == 8 {
				VPERM2F128(U8(0x20), hi, lo, a)
				VPERM2F128(U8(0x31), hi, lo, b)
				lo, hi = a, b
			}
			to := GP64()
			LEAQ(row, to)
			VMOVUPS(lo, Mem{Base: to, Index: at, Scale: 8})
			VMOVUPS(hi, Mem{Base: to, Index: at, Scale: 8, Disp: 4 * lanes})
		}
	}, func() {
		LEAQ(Mem{Base: gy, Index: h.n, Scale: 4}, gy)
		LEAQ(Mem{Base: h.out, Index: h.line, Scale: 8}, h.out)
	})
}

// halver has what the two kernels have in common.
type halver struct {
	lanes           int
	n, x, line, out reg.Register
}

func newHalves(lanes int, out string) *halver {
	return &halver{lanes, Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("line"), GP64()), Load(Param(out), GP64())}
}

func (h *halver) register() reg.VecVirtual {
	if h.lanes == 4 {
		return XMM()
	}
	return YMM()
}

// rows writes the loops over rows and vectors, the last of which ends with the
// row, and ends the function.
func (h *halver) rows(vector func(at reg.GPVirtual), next func()) {
	rows, last := Load(Param("rows"), GP64()), GP64()
	LEAQ(Mem{Base: h.n, Disp: -h.lanes}, last)
	Label("row")
	at := GP64()
	XORQ(at, at)
	Label("vector")
	CMPQ(at, last)
	CMOVQGT(last, at)
	vector(at)
	CMPQ(at, last)
	JE(LabelRef("next"))
	ADDQ(Imm(uint64(h.lanes)), at)
	JMP(LabelRef("vector"))
	Label("next")
	next()
	LEAQ(Mem{Base: h.x, Index: h.line, Scale: 8}, h.x)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// window loads the elements of a vector of windows in row-major order, and returns them
// with their maxima.
func (h *halver) window(at reg.GPVirtual) (w [4]reg.VecVirtual, most reg.VecVirtual) {
	bottom := GP64()
	LEAQ(Mem{Base: h.x, Index: h.line, Scale: 4}, bottom)
	for i, row := range []reg.Register{h.x, bottom} {
		lo, hi, even, odd := h.register(), h.register(), h.register(), h.register()
		VMOVUPS(Mem{Base: row, Index: at, Scale: 8}, lo)
		VMOVUPS(Mem{Base: row, Index: at, Scale: 8, Disp: 4 * h.lanes}, hi)
		VSHUFPS(U8(0x88), hi, lo, even)
		VSHUFPS(U8(0xdd), hi, lo, odd)
		if h.lanes == 8 {
			VPERMPD(U8(0xd8), even, even)
			VPERMPD(U8(0xd8), odd, odd)
		}
		w[2*i], w[2*i+1] = even, odd
	}
	most, right, nan, t := h.register(), h.register(), h.register(), h.register()
	VMAXPS(w[1], w[0], most)
	VMAXPS(w[3], w[2], right)
	VMAXPS(right, most, most)
	VCMPPS(U8(unordered), w[1], w[0], nan)
	VCMPPS(U8(unordered), w[3], w[2], t)
	VORPS(t, nan, nan)
	VORPS(nan, most, most) // all ones is a NaN
	return w, most
}

// isMost returns ones where x is the maximum, which a NaN is.
func (h *halver) isMost(x, most reg.VecVirtual) reg.VecVirtual {
	is, nan := h.register(), h.register()
	VCMPPS(U8(equal), most, x, is)
	VCMPPS(U8(unordered), x, x, nan)
	VORPS(nan, is, is)
	return is
}
