package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// transpose writes a kernel that transposes lines of up to 4 or 8 rows and at least 4 columns,
// in blocks of which the last may overlap the one before.
func transpose(rows int) {
	k := newKernel(fmt.Sprintf("transpose%dNEON", rows), "func(lines, cols int, src *float32, ss, srcLine, rows int, dst *float32, ds, dstLine int)")
	src := k.clampedRows(rows, k.Param("src"), k.Bytes("ss"), k.Param("rows"))
	lines, to, ds := k.Param("lines"), k.Param("dst"), k.Bytes("ds")

	k.Label("line")
	cols := k.Param("cols")
	dst, blocks, tail := k.Copy(to), k.R(), k.R()
	k.I("LSR $2, %ir, %or", cols, blocks)
	k.I("AND $3, %ir, %or", cols, tail)
	k.Label("block")
	k.transposeBlock(src, dst, ds)
	k.I("SUBS $1, %mr", blocks)
	k.Jump("BNE", "block")
	k.Jump("CBZ", "next", tail)
	// One more block, that ends with the last column.
	k.I("SUB $%d, %mr", lanes, tail)
	for _, p := range src {
		k.I("ADD %ir<<2, %mr", tail, p)
	}
	k.I("MUL %ir, %mr", ds, tail)
	k.I("ADD %ir, %mr", tail, dst)
	k.I("MOVD $0, %or", tail)
	k.I("MOVD $1, %or", blocks)
	k.Jump("B", "block")

	k.Label("next")
	dstLine, srcLine := k.Bytes("dstLine"), k.Param("srcLine")
	k.I("ADD %ir, %mr", dstLine, to)
	cols = k.Param("cols")
	k.I("SUB %ir, %mr", cols, srcLine)
	for _, p := range src {
		k.I("ADD %ir<<2, %mr", srcLine, p)
	}
	k.I("SUBS $1, %mr", lines)
	k.Jump("BNE", "line")
	k.Ret()
}

// transposeBlock transposes rows of 4 elements and advances the pointers.
func (k kernel) transposeBlock(src []a64.Reg, dst, ds a64.Reg) {
	halves := make([][]a64.Reg, len(src)/lanes)
	for h := range halves {
		r := k.Vs(lanes)
		for i := range r {
			k.I("FMOVQ.P %d(%mr), %of", vectorBytes, src[h*lanes+i], r[i])
		}
		halves[h] = k.transposed(r)
	}
	for j := range lanes {
		columns := []a64.Reg{halves[0][j]}
		if len(halves) > 1 {
			columns = append(columns, halves[1][j])
		}
		k.store(whole, columns, dst, a64.Reg{})
		k.I("ADD %ir, %mr", ds, dst)
	}
}

// transposed returns the columns of four rows of four elements.
func (k kernel) transposed(r []a64.Reg) []a64.Reg {
	pairs, out := k.Vs(4), k.Vs(4)
	for i := range 2 {
		k.I("VTRN1 %iv.S4, %iv.S4, %ov.S4", r[2*i+1], r[2*i], pairs[2*i])
		k.I("VTRN2 %iv.S4, %iv.S4, %ov.S4", r[2*i+1], r[2*i], pairs[2*i+1])
	}
	for i := range 2 {
		k.I("VTRN1 %iv.D2, %iv.D2, %ov.D2", pairs[i+2], pairs[i], out[i])
		k.I("VTRN2 %iv.D2, %iv.D2, %ov.D2", pairs[i+2], pairs[i], out[i+2])
	}
	return out
}

// clampedRows returns pointers to rows stride bytes apart; those from row n on repeat row n-1,
// so that a kernel of fixed height reads nothing else.
func (k kernel) clampedRows(rows int, base, stride, n a64.Reg) []a64.Reg {
	p := []a64.Reg{base}
	for i := 1; i < rows; i++ {
		next := k.R()
		k.I("ADD %ir, %ir, %or", stride, p[i-1], next)
		k.I("CMP $%d, %ir", i, n)
		k.I("CSEL GT, %ir, %ir, %or", next, p[i-1], next)
		p = append(p, next)
	}
	return p
}
