package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise writes kernels for convolutions of one channel with another k×k
// kernel each, k being 3 or 5 and the stride 1 or 2. Lanes are neighbouring
// positions of a row. Instead of a frame, masks blank what lies beside the
// image, and rows above and below it are left out.
func depthwise(v vectors, k int) {
	d := depth{vectors: v, k: k}
	d.forward1()
	d.forward2()
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
	even, odd               reg.VecVirtual
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
	if stride == 2 && d.lanes == 16 {
		d.even, d.odd = d.register(), d.register()
		t := GP64()
		LEAQ(everyOther, t)
		VMOVUPS(Mem{Base: t}, d.even)
		VMOVUPS(Mem{Base: t, Disp: 64}, d.odd)
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

// endSegments closes the loop: so many masks of each segment have been used.
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

// maskBytes is the size of a mask: a word for AVX-512, a vector for AVX2.
func (d *depth) maskBytes() int {
	if d.lanes == 16 {
		return 4
	}
	return 32
}

// maskAt loads mask i of the segment whose masks begin at base.
func (d *depth) maskAt(base reg.Register, i int) reg.Register {
	m := Mem{Base: base, Disp: i * d.maskBytes()}
	if d.lanes == 16 {
		k := K()
		KMOVW(m, k)
		return k
	}
	r := YMM()
	VMOVUPS(m, r)
	return r
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

// forward1 slides down the rows of x: each is loaded once for every column of
// the kernel and contributes to k rows of y, of which one is then complete.
func (d *depth) forward1() {
	d.function("Forward1x", ", bias *float32, biasPlane int")
	bias := local("bias")
	d.begin(1)
	d.beginSegments()
	x, y := d.segmentStart(1)
	w, masks := GP64(), GP64()
	MOVQ(d.w, w)
	MOVQ(d.masks, masks)
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
	for j := range d.k {
		v := d.register()
		d.load(Mem{Base: x, Disp: 4 * j}, d.maskAt(masks, j), v)
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
	d.store(sums[d.k-1], d.maskAt(masks, d.k), Mem{Base: y})
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

// every loads the elements of a row of x that columns 2·pair and 2·pair+1 of
// the kernel meet at stride 2, for which two vectors are pulled apart.
func (d *depth) every(x, masks reg.Register, pair int) (even, odd reg.VecVirtual) {
	lo, hi := d.register(), d.register()
	d.load(Mem{Base: x, Disp: 8 * pair}, d.maskAt(masks, 2*pair), lo)
	d.load(Mem{Base: x, Disp: 8*pair + d.bytes()}, d.maskAt(masks, 2*pair+1), hi)
	even, odd = d.register(), d.register()
	if d.lanes == 16 {
		VMOVAPS(lo, even)
		VPERMT2PS(hi, d.even, even)
		VMOVAPS(lo, odd)
		VPERMT2PS(hi, d.odd, odd)
		return even, odd
	}
	VSHUFPS(U8(0x88), hi, lo, even)
	VPERMPD(U8(0xd8), even, even)
	VSHUFPS(U8(0xdd), hi, lo, odd)
	VPERMPD(U8(0xd8), odd, odd)
	return even, odd
}

// row2 calls f with the vectors of all columns of the kernel in a row of x.
func (d *depth) row2(x, masks reg.Register, f func(j int, v reg.VecVirtual)) {
	for pair := range (d.k + 1) / 2 {
		even, odd := d.every(x, masks, pair)
		f(2*pair, even)
		if 2*pair+1 < d.k {
			f(2*pair+1, odd)
		}
	}
}

// forward2 computes y row by row with stride 2.
func (d *depth) forward2() {
	d.function("Forward2x", ", bias *float32, biasPlane int")
	bias := local("bias")
	d.begin(2)
	d.beginSegments()
	x, y := d.segmentStart(2)
	w, masks := GP64(), GP64()
	MOVQ(d.w, w)
	MOVQ(d.masks, masks)
	r := param("top", false) // row of x for row 0 of the kernel
	NEGQ(r)
	t := GP64()
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	left := param("yRows", false)

	Label("row")
	sum := d.register()
	MOVQ(bias, t)
	VBROADCASTSS(Mem{Base: t}, sum)
	at := GP64()
	MOVQ(x, at)
	for i := range d.k {
		skip := fmt.Sprintf("outside%d", i)
		if i > 0 {
			ADDQ(d.xLine, at)
		}
		LEAQ(Mem{Base: r, Disp: i}, t)
		CMPQ(t, d.xRows)
		JAE(LabelRef(skip))
		d.row2(at, masks, func(j int, v reg.VecVirtual) {
			d.multiply(Mem{Base: w, Disp: 4 * (i*d.k + j)}, v, sum)
		})
		Label(skip)
	}
	d.store(sum, d.maskAt(masks, (d.k+1)/2*2), Mem{Base: y})
	ADDQ(d.yLine, y)
	LEAQ(Mem{Base: x, Index: d.xLine, Scale: 2}, x)
	ADDQ(Imm(2), r)
	DECQ(left)
	JNZ(LabelRef("row"))
	d.endSegments(2, (d.k+1)/2*2+1)
	ADDQ(param("biasPlane", true), bias)
	d.end()
}

// weight adds gy·x to the kernel's gradient, of which w holds a vector for each
// element: the sum of its lanes is the gradient.
func (d *depth) weight(stride int) {
	d.function(fmt.Sprintf("Weight%dx", stride), "")
	d.begin(stride)
	masksOf := d.k
	if stride == 2 {
		masksOf = (d.k + 1) / 2 * 2
	}
	i := AllocLocal(8) // row of the kernel
	MOVQ(U32(0), i)
	Label("kernel")
	sums := d.registers(d.k)
	w := GP64()
	MOVQ(d.w, w)
	for j, s := range sums {
		VMOVUPS(Mem{Base: w, Disp: j * d.bytes()}, s)
	}
	d.beginSegments()
	x, y := d.segmentStart(stride)
	masks := GP64()
	MOVQ(d.masks, masks)
	r, t := GP64(), GP64() // row of x
	MOVQ(i, r)
	SUBQ(param("top", false), r)
	MOVQ(r, t)
	IMULQ(d.xLine, t)
	ADDQ(t, x)
	left := param("yRows", false)

	Label("row")
	CMPQ(r, d.xRows)
	JAE(LabelRef("outside"))
	g := d.register()
	d.load(Mem{Base: y}, d.maskAt(masks, masksOf), g)
	add := func(j int, v reg.VecVirtual) { VFMADD231PS(g, v, sums[j]) }
	if stride == 2 {
		d.row2(x, masks, add)
	} else {
		for j := range d.k {
			v := d.register()
			d.load(Mem{Base: x, Disp: 4 * j}, d.maskAt(masks, j), v)
			add(j, v)
		}
	}
	Label("outside")
	ADDQ(d.yLine, y)
	for range stride {
		ADDQ(d.xLine, x)
	}
	ADDQ(Imm(uint64(stride)), r)
	DECQ(left)
	JNZ(LabelRef("row"))
	d.endSegments(stride, masksOf+1)

	MOVQ(d.w, w)
	for j, s := range sums {
		VMOVUPS(s, Mem{Base: w, Disp: j * d.bytes()})
	}
	ADDQ(U32(d.k*d.bytes()), w)
	MOVQ(w, d.w)
	INCQ(i)
	CMPQ(i, Imm(uint64(d.k)))
	JL(LabelRef("kernel"))
	d.end()
}

// everyOther holds the indices of the even and of the odd of 32 elements.
var everyOther Mem

func everyOtherData() {
	everyOther = GLOBL("everyOther", 8|16) // RODATA | NOPTR
	for i := range 32 {
		DATA(4*i, U32(i%16*2+i/16))
	}
}
