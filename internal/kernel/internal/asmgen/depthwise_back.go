package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// back writes the gradient of the input of a convolution with stride 2. x is gy and y is gx.
// Half of the rows of the kernel belong to the even rows of gx and half to the odd ones;
// likewise the columns. With m = (k+1)/2, row a and column b of a pair of rows and columns of
// gx come from m×m elements of gy with weights of their own: w has such a matrix for each a
// and b.
//
// It slides down the rows of gy and holds m of them. With each it writes two rows of gx, and
// twice as many columns as there are lanes.
func (d *depth) back() {
	d.function("Back", gateParams)
	gate := d.newGate()
	m := (d.k + 1) / 2
	indices := d.interleaving()
	d.begin(1)
	var w reg.GPVirtual
	weights := make([]reg.VecVirtual, 4*m*m)
	held := d.lanes == 16 && m == 2 // there are registers for them
	if w = GP64(); held {
		MOVQ(d.w, w)
		for i := range weights {
			weights[i] = d.register()
			VBROADCASTSS(Mem{Base: w, Disp: 4 * i}, weights[i])
		}
	}
	d.beginSegments()
	if !held {
		w = GP64()
		MOVQ(d.w, w)
	}
	x, y, t := GP64(), GP64(), GP64()
	MOVQ(d.column, x)
	LEAQ(Mem{Base: x, Index: x, Scale: 1}, y) // of gx, less left
	ADDQ(d.x, x)
	ADDQ(d.y, y)
	Load(Param("left"), t)
	LEAQ(Mem{Base: y, Index: t, Scale: 8}, y)
	masks := d.loadMasks(m+2, 16)
	r := param("top", false) // row of gy
	NEGQ(r)
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	wait, left := GP64(), param("yRows", false) // rows of gy before the first pair, rows of gx to come
	MOVQ(U32(m-1), wait)
	rows := make([][]reg.VecVirtual, m) // of gy, the oldest first
	for i := range rows {
		rows[i] = d.registers(m)
		for _, v := range rows[i] {
			d.zero(v)
		}
	}

	Label("row")
	for i := range m - 1 {
		for j, v := range rows[i+1] {
			VMOVAPS(v, rows[i][j])
		}
	}
	CMPQ(r, d.xRows)
	JAE(LabelRef("outside")) // also if negative
	d.prefetch(x)
	for j, v := range rows[m-1] {
		d.load(Mem{Base: x, Disp: 4 * j}, d.maskOf(masks, j), v)
	}
	JMP(LabelRef("loaded"))
	Label("outside")
	for _, v := range rows[m-1] {
		d.zero(v)
	}
	Label("loaded")
	ADDQ(d.xLine, x)
	INCQ(r)
	DECQ(wait)
	JGE(LabelRef("row"))
	for a := range 2 {
		sums := d.registers(2)
		for b, s := range sums {
			first := true
			for i := range m {
				for j := range m {
					at := ((2*a+b)*m+i)*m + j
					switch {
					case held && first:
						VMULPS(weights[at], rows[i][j], s)
					case held:
						VFMADD231PS(weights[at], rows[i][j], s)
					default:
						if first {
							d.zero(s)
						}
						d.multiply(Mem{Base: w, Disp: 4 * at}, rows[i][j], s)
					}
					first = false
				}
			}
		}
		lo, hi := d.interleave(indices, sums)
		gate.store([]reg.VecVirtual{lo, hi}, y, func(i int) reg.Register { return d.maskOf(masks, m+i) })
		ADDQ(d.yLine, y)
		DECQ(left)
		JZ(LabelRef("done"))
	}
	JMP(LabelRef("row"))
	Label("done")
	d.endSegments(1, m+2)
	d.end()
}

// interleave returns the elements of two vectors alternately, in two vectors.
func (v vectors) interleave(indices, x []reg.VecVirtual) (lo, hi reg.VecVirtual) {
	lo, hi = v.register(), v.register()
	if v.lanes == 16 {
		VMOVAPS(indices[0], lo)
		VPERMI2PS(x[1], x[0], lo)
		VMOVAPS(indices[1], hi)
		VPERMI2PS(x[1], x[0], hi)
		return lo, hi
	}
	VUNPCKLPS(x[1], x[0], lo)
	VUNPCKHPS(x[1], x[0], hi)
	VPERM2F128(U8(0x20), hi, lo, x[0])
	VPERM2F128(U8(0x31), hi, lo, x[1])
	return x[0], x[1]
}

// interleaveTable holds the indices that interleave the elements of two vectors.
var interleaveTable Mem

func interleaveData() {
	interleaveTable = GLOBL("interleave", 8|16) // RODATA | NOPTR
	for i := range 32 {
		DATA(4*i, U32(i/2+i%2*16))
	}
}
