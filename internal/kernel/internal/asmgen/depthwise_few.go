package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// few slides down a plane as slide does, with the registers of AVX2: they hold what the kernel
// reads of one row, and each row is used for all sums that it contributes to before the next
// is loaded.
type few struct {
	*depth
	pairs bool             // of rows
	near  []reg.VecVirtual // a vector and its neighbours left and right, as the columns of the kernel read them
	held  reg.VecVirtual   // the pair whose second row is in the next straddling vector
	x     reg.GPVirtual
}

func (d *depth) newFew(columns int, x reg.GPVirtual) *few {
	f := &few{depth: d, pairs: columns == 4, near: d.registers(3), x: x}
	if f.pairs {
		f.held = d.register()
	}
	return f
}

// next loads a vector of the plane and advances x.
func (f *few) next() {
	VMOVUPS(Mem{Base: f.x}, f.near[1])
	f.prefetch(f.x)
	ADDQ(Imm(32), f.x)
	f.neighbours()
}

// neighbours computes the left and right neighbours of near[1].
func (f *few) neighbours() {
	left, v, right := f.near[0], f.near[1], f.near[2]
	if f.pairs { // each half is a row
		VPSLLDQ(U8(4), v, left)
		VPSRLDQ(U8(4), v, right)
		return
	}
	VPERM2F128(U8(0x08), v, v, left) // zeros, lower half
	VPALIGNR(U8(12), left, v, left)
	VPERM2F128(U8(0x81), v, v, right) // upper half, zeros
	VPALIGNR(U8(4), v, right, right)
}

// Where a straddling vector is: above the first pair of the plane, between two, or below the
// last.
const (
	aboveFirst = iota
	between
	belowLast
)

// straddle makes near the second row of the pair that is held and the first of the pair at x,
// and holds the pair at x. Rows above and below the plane are zeros.
func (f *few) straddle(where int) {
	v := f.near[1]
	switch where {
	case aboveFirst:
		VMOVUPS(Mem{Base: f.x}, f.held)
		VPERM2F128(U8(0x08), f.held, f.held, v) // zeros, lower half
	case belowLast:
		VPERM2F128(U8(0x81), f.held, f.held, v) // upper half, zeros
	default:
		VPERM2F128(U8(0x21), Mem{Base: f.x}, f.held, v)
		VMOVUPS(Mem{Base: f.x}, f.held)
	}
	f.neighbours()
}

func (d *depth) fewForward(columns int) {
	gate := d.newGate()
	x, y, w, bias, planes := param("x", false), param("y", false), param("w", false), param("bias", false), local("planes")
	f := d.newFew(columns, x)
	left := GP64() // vectors after the first
	Label("plane")
	weights := d.registers(9)
	for t, r := range weights {
		VBROADCASTSS(Mem{Base: w, Disp: 4 * t}, r)
	}
	add := func(row int, sum reg.VecVirtual) {
		for j, v := range f.near {
			VFMADD231PS(weights[3*row+j], v, sum)
		}
	}
	begin := func(sum reg.VecVirtual) { VBROADCASTSS(Mem{Base: bias}, sum) }
	store := func(sum reg.VecVirtual) {
		gate.store([]reg.VecVirtual{sum}, y, func(int) reg.Register { return nil })
		ADDQ(Imm(32), y)
	}
	sum, next := d.register(), d.register()
	Load(Param("vectors"), left)
	if f.pairs {
		begin(sum)
		f.straddle(aboveFirst)
		add(0, sum)
		f.next()
		add(1, sum)
		f.rest(left, func() {
			f.straddle(between)
			add(2, sum)
			begin(next)
			add(0, next)
			f.next()
			add(1, next)
			store(sum)
			VMOVAPS(next, sum)
		})
		f.straddle(belowLast)
		add(2, sum)
	} else {
		begin(sum)
		begin(next)
		f.next()
		add(1, sum)
		add(0, next)
		f.rest(left, func() {
			f.next()
			add(2, sum)
			add(1, next)
			last := d.register()
			begin(last)
			add(0, last)
			store(sum)
			VMOVAPS(next, sum)
			VMOVAPS(last, next)
		})
	}
	store(sum)
	ADDQ(param("wPlane", true), w)
	ADDQ(param("biasPlane", true), bias)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// fewWeight adds sums as weight does.
func (d *depth) fewWeight(columns int) {
	x, y, w, planes := param("x", false), param("y", false), param("w", false), local("planes")
	f := d.newFew(columns, x)
	left := GP64() // vectors after the first
	Label("plane")
	sums := d.registers(9)
	for _, sum := range sums {
		d.zero(sum)
	}
	add := func(row int, g reg.VecVirtual) {
		for j, v := range f.near {
			VFMADD231PS(g, v, sums[3*row+j])
		}
	}
	load := func(g reg.VecVirtual) {
		VMOVUPS(Mem{Base: y}, g)
		d.prefetch(y)
		ADDQ(Imm(32), y)
	}
	g := d.register() // beside the vector of x, or beside the last that was no straddling one
	Load(Param("vectors"), left)
	load(g)
	if f.pairs {
		f.straddle(aboveFirst)
		add(0, g)
		f.next()
		add(1, g)
		f.rest(left, func() {
			f.straddle(between)
			add(2, g)
			load(g)
			add(0, g)
			f.next()
			add(1, g)
		})
		f.straddle(belowLast)
		add(2, g)
	} else {
		f.next()
		add(1, g)
		f.rest(left, func() {
			next := d.register()
			load(next)
			add(0, next) // above it
			f.next()
			add(2, g)
			add(1, next)
			VMOVAPS(next, g)
		})
	}
	d.addFolded(sums, w)
	ADDQ(param("wPlane", true), w)
	DECQ(planes)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// rest calls f for each vector of the plane after the first.
func (f *few) rest(left reg.GPVirtual, vector func()) {
	DECQ(left)
	JZ(LabelRef("last"))
	Label("vector")
	vector()
	DECQ(left)
	JNZ(LabelRef("vector"))
	Label("last")
}
