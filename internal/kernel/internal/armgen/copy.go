package main

import (
	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// overlapped writes the loops over the vectors of rows of n ≥ lanes elements, of which the last
// ends with the row, and ends the function. vector gets the first element; next advances to
// the next row.
func (k kernel) overlapped(vector func(at a64.Reg), next func()) {
	rows, last := k.Param("rows"), k.Param("n")
	k.I("SUB $%d, %mr", lanes, last)
	at := k.R()
	k.Label("row")
	k.I("MOVD $0, %or", at)
	k.Label("vector")
	k.I("CMP %ir, %ir", last, at)
	k.I("CSEL GT, %ir, %ir, %or", last, at, at)
	vector(at)
	k.I("CMP %ir, %ir", last, at)
	k.Jump("BEQ", "next")
	k.Advance(at, lanes)
	k.Jump("B", "vector")
	k.Label("next")
	next()
	k.I("SUBS $1, %mr", rows)
	k.Jump("BNE", "row")
	k.Ret()
}

// element returns the address of an element, of size bytes 1<<shift.
func (k kernel) element(base, at a64.Reg, shift int) a64.Reg {
	r := k.R()
	k.I("ADD %ir<<%d, %ir, %or", at, shift, base, r)
	return r
}

// copyRows writes a kernel that copies rows of at least one vector each.
func copyRows() {
	k := newKernel("copyRowsNEON", "func(rows, n int, src *float32, ss int, dst *float32, ds int)")
	src, ss, dst, ds := k.Param("src"), k.Bytes("ss"), k.Param("dst"), k.Bytes("ds")
	k.overlapped(func(at a64.Reg) {
		v := k.V()
		k.I("FMOVQ (%ir), %of", k.element(src, at, 2), v)
		k.I("FMOVQ %if, (%ir)", v, k.element(dst, at, 2))
	}, func() {
		k.I("ADD %ir, %mr", ss, src)
		k.I("ADD %ir, %mr", ds, dst)
	})
}

// everySecond writes a kernel that copies every second element of rows, n ≥ lanes of each.
// Nothing is read beyond the last element that is copied.
func everySecond() {
	k := newKernel("everySecondNEON", "func(rows, n int, src *float32, ss int, dst *float32, ds int)")
	src, ss, dst, ds := k.Param("src"), k.Bytes("ss"), k.Param("dst"), k.Bytes("ds")
	k.overlapped(func(at a64.Reg) {
		from, lo, hi := k.element(src, at, 3), k.V(), k.V()
		k.I("FMOVQ (%ir), %of", from, lo)
		k.I("FMOVQ %d(%ir), %of", 4*lanes-4, from, hi)
		k.I("VUZP1 %iv.S4, %iv.S4, %ov.S4", lo, lo, lo)
		k.I("VUZP2 %iv.S4, %iv.S4, %ov.S4", hi, hi, hi)
		k.I("VZIP1 %iv.D2, %iv.D2, %ov.D2", hi, lo, lo)
		k.I("FMOVQ %if, (%ir)", lo, k.element(dst, at, 2))
	}, func() {
		k.I("ADD %ir, %mr", ss, src)
		k.I("ADD %ir, %mr", ds, dst)
	})
}

// interleave writes a kernel that writes rows in which the elements of rows of x and y, n ≥
// lanes of each, alternate.
func interleave() {
	k := newKernel("interleaveNEON", "func(rows, n int, x, y *float32, ss int, dst *float32, ds int)")
	x, y, ss, dst, ds := k.Param("x"), k.Param("y"), k.Bytes("ss"), k.Param("dst"), k.Bytes("ds")
	k.overlapped(func(at a64.Reg) {
		a, b := k.V(), k.V()
		k.I("FMOVQ (%ir), %of", k.element(x, at, 2), a)
		k.I("FMOVQ (%ir), %of", k.element(y, at, 2), b)
		k.storeAlternating(a, b, k.element(dst, at, 3))
	}, func() {
		k.I("ADD %ir, %mr", ss, x)
		k.I("ADD %ir, %mr", ss, y)
		k.I("ADD %ir, %mr", ds, dst)
	})
}

// storeAlternating writes two vectors with their elements taking turns.
func (k kernel) storeAlternating(a, b, to a64.Reg) {
	lo, hi := k.V(), k.V()
	k.I("VZIP1 %iv.S4, %iv.S4, %ov.S4", b, a, lo)
	k.I("VZIP2 %iv.S4, %iv.S4, %ov.S4", b, a, hi)
	k.I("FSTPQ (%if, %if), (%ir)", lo, hi, to)
}
