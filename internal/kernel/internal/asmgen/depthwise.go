package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise writes kernels for convolutions of each channel with a k×k kernel of its own, for
// k = 3 or 5 and strides 1 or 2. Lanes are neighbouring positions of a row. There is no frame:
// masks blank what is left and right of the image, and rows above and below it are skipped.
func depthwise(v vectors, k int) {
	d := depth{vectors: v, k: k}
	d.forward1()
	d.forward2()
	d.back()
	d.weight(1)
	d.weight(2)
}

type depth struct {
	vectors
	k int

	// Set by begin.
	planes, segments, masks Mem // what is left of the loops
	x, w, y                 Mem // of this plane
	column                  Mem // of this segment, in bytes from x
	xLine, yLine, xRows     reg.GPVirtual
	apart                   separator
}

const depthwiseParams = "planes int, x *float32, xPlane, xRows, xLine int, w *float32, wPlane int, " +
	"y *float32, yPlane, yRows, yLine, top, left, segments int, masks *uint32"

func (d *depth) function(name, more string) {
	TEXT(fmt.Sprintf("depthwise%s%d%s", name, d.k, d.suffix), NOSPLIT, "func("+depthwiseParams+more+")")
	Pragma("noescape")
}

// param returns a parameter in a new register, multiplied by 4 if it counts
// elements to step over.
func param(name string, scale bool) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	if scale {
		SHLQ(U8(2), r)
	}
	return r
}

// local returns a variable on the stack with a parameter's value.
func local(name string) Mem {
	m := AllocLocal(8)
	MOVQ(param(name, false), m)
	return m
}

// begin opens the loops over planes and, in each, segments.
func (d *depth) begin(stride int) {
	d.planes, d.x, d.w, d.y = local("planes"), local("x"), local("w"), local("y")
	d.segments, d.masks, d.column = AllocLocal(8), AllocLocal(8), AllocLocal(8)
	d.xLine, d.yLine, d.xRows = param("xLine", true), param("yLine", true), param("xRows", false)
	if stride == 2 {
		d.apart = d.newSeparator()
	}
	Label("plane")
}

func (d *depth) beginSegments() {
	MOVQ(param("segments", false), d.segments)
	MOVQ(param("masks", false), d.masks)
	t := param("left", true)
	NEGQ(t)
	MOVQ(t, d.column)
	Label("segment")
}

// endSegments closes the loop over segments, each of which has used the given number of masks.
func (d *depth) endSegments(stride, masks int) {
	ADDQ(U32(masks*d.maskBytes()), d.masks)
	ADDQ(U32(4*stride*d.lanes), d.column)
	DECQ(d.segments)
	JNZ(LabelRef("segment"))
}

// end closes the loop over planes.
func (d *depth) end() {
	for _, s := range []struct {
		name string
		at   Mem
	}{{"xPlane", d.x}, {"wPlane", d.w}, {"yPlane", d.y}} {
		ADDQ(param(s.name, true), s.at)
	}
	DECQ(d.planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// loadMasks loads the n masks of the segment into registers, or returns nil if
// that leaves AVX2, whose masks are vectors, fewer than others.
func (d *depth) loadMasks(n, others int) []reg.Register {
	if d.lanes == 8 && n+others > 16 {
		return nil
	}
	at := GP64()
	MOVQ(d.masks, at)
	masks := make([]reg.Register, n)
	for i := range masks {
		masks[i] = d.maskAt(at, i)
	}
	return masks
}

// maskOf returns mask i of the segment.
func (d *depth) maskOf(masks []reg.Register, i int) reg.Register {
	if masks != nil {
		return masks[i]
	}
	at := GP64()
	MOVQ(d.masks, at)
	return d.maskAt(at, i)
}

// multiply adds weight·x to sum.
func (d *depth) multiply(weight Mem, x, sum reg.VecVirtual) {
	if d.lanes == 16 {
		VFMADD231PS_BCST(weight, x, sum)
		return
	}
	r := d.register()
	VBROADCASTSS(weight, r)
	VFMADD231PS(r, x, sum)
}

// segmentStart returns pointers to the segment's first column of x's row 0 and
// of y's.
func (d *depth) segmentStart(stride int) (x, y reg.GPVirtual) {
	x, y = GP64(), GP64()
	MOVQ(d.x, x)
	ADDQ(d.column, x)
	// y's column is that of x without the border, less the stride.
	MOVQ(d.column, y)
	ADDQ(param("left", true), y)
	if stride == 2 {
		SHRQ(U8(1), y)
	}
	ADDQ(d.y, y)
	return x, y
}

// prefetch asks for what a few planes on lies at the place of a row. Processors look ahead
// within pages of 4 KiB, of which planes are often as large.
func (d *depth) prefetch(row reg.Register) {
	if d.lanes == 8 {
		PREFETCHT0(Mem{Base: row, Disp: 2048})
	}
}

// forward1 slides down the rows of x: each is loaded once for every column of
// the kernel and contributes to k rows of y, of which one is then complete.
func (d *depth) forward1() {
	d.function("Forward1x", ", bias *float32, biasPlane int"+gateParams)
	gate := d.newGate()
	bias := local("bias")
	d.begin(1)
	d.beginSegments()
	x, y := d.segmentStart(1)
	w := GP64()
	MOVQ(d.w, w)
	masks := d.loadMasks(d.k+1, d.k+3)
	first := d.register()
	t := GP64()
	MOVQ(bias, t)
	VBROADCASTSS(Mem{Base: t}, first)
	sums := d.registers(d.k) // of the rows that this row of x is row 0, 1, … of the kernel for
	for _, s := range sums {
		VMOVAPS(first, s)
	}
	r := param("top", false) // row of x
	NEGQ(r)
	t = GP64()
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	left := param("yRows", false) // rows to come, including those before the first is complete
	ADDQ(Imm(uint64(d.k-1)), left)

	Label("row")
	CMPQ(r, d.xRows)
	JAE(LabelRef("outside")) // also if negative
	d.prefetch(x)
	for j := range d.k {
		v := d.register()
		d.load(Mem{Base: x, Disp: 4 * j}, d.maskOf(masks, j), v)
		for i, s := range sums {
			d.multiply(Mem{Base: w, Disp: 4 * (i*d.k + j)}, v, s)
		}
	}
	Label("outside")
	ADDQ(d.xLine, x)
	INCQ(r)
	// The oldest sum is complete, from row k-1 on.
	t = param("yRows", false)
	CMPQ(left, t)
	JG(LabelRef("incomplete"))
	gate.store(sums[d.k-1:], y, func(int) reg.Register { return d.maskOf(masks, d.k) })
	ADDQ(d.yLine, y)
	Label("incomplete")
	for i := d.k - 1; i > 0; i-- {
		VMOVAPS(sums[i-1], sums[i])
	}
	VMOVAPS(first, sums[0])
	DECQ(left)
	JNZ(LabelRef("row"))
	d.endSegments(1, d.k+1)
	ADDQ(param("biasPlane", true), bias)
	d.end()
}

// every loads the elements of a row of x that columns 2·pair and 2·pair+1 of the kernel read
// at stride 2: the even and the odd ones of two vectors.
func (d *depth) every(x reg.Register, masks []reg.Register, pair int) (even, odd reg.VecVirtual) {
	lo, hi := d.register(), d.register()
	d.load(Mem{Base: x, Disp: 8 * pair}, d.maskOf(masks, 2*pair), lo)
	d.load(Mem{Base: x, Disp: 8*pair + d.bytes()}, d.maskOf(masks, 2*pair+1), hi)
	return d.apart.of(lo, hi)
}

// row2 calls f with the vectors of all columns of the kernel in a row of x.
func (d *depth) row2(x reg.Register, masks []reg.Register, f func(j int, v reg.VecVirtual)) {
	for pair := range (d.k + 1) / 2 {
		even, odd := d.every(x, masks, pair)
		f(2*pair, even)
		if 2*pair+1 < d.k {
			f(2*pair+1, odd)
		}
	}
}

// forward2 slides down the rows of x in pairs: the first of a pair is row 0 of
// the kernel for one row of y, row 2 for the one before and so on, the second
// row 1, 3, ….
func (d *depth) forward2() {
	d.function("Forward2x", ", bias *float32, biasPlane int"+gateParams)
	gate := d.newGate()
	bias := local("bias")
	d.begin(2)
	d.beginSegments()
	x, y := d.segmentStart(2)
	w := GP64()
	MOVQ(d.w, w)
	rows := (d.k + 1) / 2 // of y that a row of x contributes to
	loads := 2 * rows
	masks := d.loadMasks(loads+1, rows+6)
	sums := d.registers(rows)
	t := GP64()
	first := func(sum reg.VecVirtual) {
		MOVQ(bias, t)
		VBROADCASTSS(Mem{Base: t}, sum)
	}
	for _, s := range sums {
		first(s)
	}
	r := param("top", false) // row of x
	NEGQ(r)
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	left := param("yRows", false) // pairs to come, including those before the first row is complete
	ADDQ(Imm(uint64(rows-1)), left)

	Label("pair")
	for odd := range 2 {
		skip := fmt.Sprintf("outside%d", odd)
		CMPQ(r, d.xRows)
		JAE(LabelRef(skip)) // also if negative
		d.prefetch(x)
		d.row2(x, masks, func(j int, v reg.VecVirtual) {
			for i := odd; i < d.k; i += 2 {
				d.multiply(Mem{Base: w, Disp: 4 * (i*d.k + j)}, v, sums[i/2])
			}
		})
		Label(skip)
		ADDQ(d.xLine, x)
		INCQ(r)
	}
	// The oldest sum is complete, from pair rows-1 on.
	Load(Param("yRows"), t)
	CMPQ(left, t)
	JG(LabelRef("incomplete"))
	gate.fetch(y, d.bytes())
	gate.limit(sums[rows-1:])
	d.store(sums[rows-1], d.maskOf(masks, loads), Mem{Base: y})
	ADDQ(d.yLine, y)
	Label("incomplete")
	for i := rows - 1; i > 0; i-- {
		VMOVAPS(sums[i-1], sums[i])
	}
	first(sums[0])
	DECQ(left)
	JNZ(LabelRef("pair"))
	d.endSegments(2, loads+1)
	ADDQ(param("biasPlane", true), bias)
	d.end()
}
