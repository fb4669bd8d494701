package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// weight adds the sums of gy·x to the gradient w of the kernel; y is gy. It takes passes, each
// for as many rows of the kernel as there are registers for. The sums of a pass are padded to
// a multiple of four.
//
// A pass slides down x and loads every row once, for all rows of gy that are multiplied with
// it. A ring holds these, the latest first.
func (d *depth) weight(stride int) {
	rows := 1
	if d.k == 3 {
		rows = 3
	}
	d.function(fmt.Sprintf("Weight%dx", stride), "")
	d.begin(stride)
	masksOf := d.k
	if stride == 2 {
		masksOf = (d.k + 1) / 2 * 2
	}
	i, at := AllocLocal(8), AllocLocal(8) // first row of the kernel in this pass, where its sums are
	MOVQ(U32(0), i)
	t := GP64()
	MOVQ(d.w, t)
	MOVQ(t, at)
	Label("pass")
	sums := d.registers(rows * d.k)
	for _, s := range sums {
		d.zero(s)
	}
	d.beginSegments()
	x, y := d.segmentStart(stride)
	ring := d.registers((rows + stride - 1) / stride)
	masks := d.loadMasks(masksOf+1, len(sums)+len(ring)+3*stride-2)
	r, t := GP64(), GP64() // row of x
	MOVQ(i, r)
	SUBQ(param("top", false), r)
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	for _, g := range ring {
		d.zero(g)
	}
	left := param("yRows", false) // rows of gy, and those beyond that the last rows of x need
	ADDQ(Imm(uint64(len(ring)-1)), left)

	Label("row")
	for i := len(ring) - 1; i > 0; i-- {
		VMOVAPS(ring[i-1], ring[i])
	}
	if len(ring) > 1 {
		d.zero(ring[0])
		CMPQ(left, Imm(uint64(len(ring)-1)))
		JLE(LabelRef("beyond"))
	}
	d.prefetch(y)
	d.load(Mem{Base: y}, d.maskOf(masks, masksOf), ring[0])
	Label("beyond")
	for a := range min(stride, rows) { // row of x
		outside := fmt.Sprintf("outside%d", a)
		LEAQ(Mem{Base: r, Disp: a}, t)
		CMPQ(t, d.xRows)
		JAE(LabelRef(outside)) // also if negative
		from := x
		if a == 1 {
			from = GP64()
			LEAQ(Mem{Base: x, Index: d.xLine, Scale: 1}, from)
		}
		d.prefetch(from)
		d.columns(stride, from, masks, func(j int, v reg.VecVirtual) {
			for i := a; i < rows; i += stride {
				VFMADD231PS(ring[i/stride], v, sums[i*d.k+j])
			}
		})
		Label(outside)
	}
	ADDQ(d.yLine, y)
	for range stride {
		ADDQ(d.xLine, x)
	}
	ADDQ(Imm(uint64(stride)), r)
	DECQ(left)
	JNZ(LabelRef("row"))
	d.endSegments(stride, masksOf+1)

	w := GP64()
	MOVQ(at, w)
	d.addFolded(sums, w)
	ADDQ(U32(16*((len(sums)+3)/4)), at)
	ADDQ(Imm(uint64(rows)), i)
	CMPQ(i, Imm(uint64(d.k)))
	JL(LabelRef("pass"))
	d.end()
}

// columns calls f with the vectors of all columns of the kernel in a row of x.
func (d *depth) columns(stride int, x reg.Register, masks []reg.Register, f func(j int, v reg.VecVirtual)) {
	if stride == 2 {
		d.row2(x, masks, f)
		return
	}
	for j := range d.k {
		v := d.register()
		d.load(Mem{Base: x, Disp: 4 * j}, d.maskOf(masks, j), v)
		f(j, v)
	}
}

// addFolded adds the sums of the lanes of vectors to numbers at w.
func (v vectors) addFolded(x []reg.VecVirtual, w reg.Register) {
	for i := 0; i < len(x); i += 4 {
		four := v.foldFour(x[i:min(i+4, len(x))])
		VADDPS(Mem{Base: w, Disp: 4 * i}, four, four)
		VMOVUPS(four, Mem{Base: w, Disp: 4 * i})
	}
}

// foldFour returns the sums of the lanes of up to four vectors.
func (v vectors) foldFour(x []reg.VecVirtual) reg.Register {
	at := func(i int) reg.VecVirtual { return x[min(i, len(x)-1)] }
	// of the first two and the others, in each four lanes
	two, four := v.register(), v.register()
	v.addHalves(VUNPCKLPS, VUNPCKHPS, at(0), at(1), four)
	v.addHalves(VUNPCKLPS, VUNPCKHPS, at(2), at(3), two)
	v.addHalves(VUNPCKLPD, VUNPCKHPD, four, two, four)
	if v.lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(U8(1), four, half)
		VADDPS(four.AsY(), half, half)
		four = half
	}
	sum := XMM()
	VEXTRACTF128(U8(1), four.AsY(), sum)
	VADDPS(four.AsX(), sum, sum)
	return sum
}

// addHalves adds the lower halves of x and y, interleaved, to the upper ones.
func (v vectors) addHalves(lower, upper func(...Op), x, y, to reg.VecVirtual) {
	t := v.register()
	lower(y, x, t)
	upper(y, x, to)
	VADDPS(t, to, to)
}
