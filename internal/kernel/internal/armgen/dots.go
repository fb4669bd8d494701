package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// dots writes the kernel of weight gradients; type DotTile in package micro says what it does.
// For each step it multiplies 8 vectors of a with 3 of b. It prefetches ahead bytes of what
// prefetch points to.
func dots() {
	const cols = tileVecs
	k := newKernel(fmt.Sprintf("dots%dx%dNEON", channels, cols),
		"func(n, k int, step *int, a *float32, aRow int, b *float32, col *int, sums *float32, add, end int, prefetch *float32, ahead int)")
	aRow, left, col, sums, prefetch, ahead := k.Bytes("aRow"), k.Param("n"), k.Param("col"), k.Param("sums"), k.Param("prefetch"), k.Param("ahead")

	k.Label("triple")
	base, columns := k.Param("b"), make([]a64.Reg, cols)
	for j := range columns {
		columns[j] = k.R()
		k.I("MOVD.P 8(%mr), %or", col, columns[j])
		k.I("ADD %ir<<2, %ir, %or", columns[j], base, columns[j])
	}
	acc, add := k.Vs(channels*cols), k.Param("add")
	k.Jump("CBZ", "zero", add)
	k.load(whole, sums, a64.Reg{}, acc)
	k.Jump("B", "begun")
	k.Label("zero")
	for _, v := range acc {
		k.Zero(v)
	}
	k.Label("begun")
	a, step, count := k.Param("a"), k.Param("step"), k.Param("k")
	k.Label("step")
	atA, atB, br := k.R(), k.R(), k.Vs(cols)
	k.I("LDP.P 16(%mr), (%or, %or)", step, atA, atB)
	k.I("LSL $2, %mr, %mr", atB, atB)
	for j, v := range br {
		k.W(&a64.LDRQ, v, columns[j], atB)
	}
	k.I("ADD %ir<<2, %ir, %or", atA, a, atA)
	for i := range channels {
		x := k.V()
		k.I("FMOVQ (%ir), %of", atA, x)
		if i < channels-1 {
			k.I("ADD %ir, %mr", aRow, atA)
		}
		for j, v := range br {
			k.I("VFMLA %iv.S4, %iv.S4, %mv.S4", v, x, acc[i*cols+j])
		}
	}
	k.I("PRFM (%ir), PLDL2KEEP", prefetch)
	k.I("ADD %ir, %mr", ahead, prefetch)
	k.I("SUBS $1, %mr", count)
	k.Jump("BNE", "step")

	end := k.Param("end")
	k.Jump("CBNZ", "end", end)
	k.store(whole, acc, sums, a64.Reg{})
	k.Jump("B", "next")
	k.Label("end")
	var ends []a64.Reg
	for j := range cols {
		for i := 0; i < channels; i += 4 {
			four := []a64.Reg{acc[i*cols+j], acc[(i+1)*cols+j], acc[(i+2)*cols+j], acc[(i+3)*cols+j]}
			k.foldFour(four)
			ends = append(ends, four[0])
		}
	}
	k.store(whole, ends, sums, a64.Reg{})
	k.Label("next")
	k.Advance(sums, channels*cols*vectorBytes)
	k.I("SUBS $1, %mr", left)
	k.Jump("BNE", "triple")
	k.Ret()
}
