package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// channels is how many rows a DirectTile or a DotTile has.
const channels = 8

// directs writes the kernels of direct convolution for panels of 1 to 3 vectors.
func directs() {
	for vecs := 1; vecs <= tileVecs; vecs++ {
		direct(vecs)
	}
}

// direct writes one kernel; type DirectTile in package micro says what it does. It computes 8
// channels for one panel of vecs vectors after another. The table at says where the vectors
// begin in b and c. Vectors are loaded whole; of the last vector of a panel, last lanes are
// stored. Every step prefetches two cache lines from prefetch; the next step prefetches ahead
// bytes further on.
func direct(vecs int) {
	k := newKernel(fmt.Sprintf("direct%dx%dNEON", channels, vecs),
		"func(panels, n, k int, step *int, a, b *float32, at *int, c *float32, cRow, last, begin int, bias, prefetch *float32, ahead int)")
	at, panels, prefetch, ahead, last, cRow := k.Param("at"), k.Param("panels"), k.Param("prefetch"), k.Param("ahead"), k.Param("last"), k.Bytes("cRow")
	k.Label("panel")
	acc := k.Vs(channels * vecs)
	begin := k.Param("begin")
	k.I("CMP $%d, %ir", initRowBias, begin)
	k.Jump("BNE", "zero")
	bias := k.Param("bias")
	for i := 0; i < len(acc); i += vecs {
		k.I("VLD1R.P 4(%mr), [%ov.S4]", bias, acc[i])
		for _, v := range acc[i+1 : i+vecs] {
			k.I("VMOV %iv.B16, %ov.B16", acc[i], v)
		}
	}
	k.Jump("B", "begun")
	k.Label("zero")
	for _, v := range acc {
		k.Zero(v)
	}
	k.Label("begun")
	b, a, step, left := k.pointers("b", at, vecs, 0), k.Param("a"), k.Param("step"), k.Param("k")
	k.Label("steps")
	atA, atB, br, x := k.R(), k.R(), k.Vs(vecs), k.Vs(channels/lanes)
	k.I("LDP.P 16(%mr), (%or, %or)", step, atA, atB)
	k.I("LSL $2, %mr, %mr", atB, atB)
	for j, v := range br {
		k.W(&a64.LDRQ, v, b[j], atB)
	}
	k.I("ADD %ir<<2, %ir, %or", atA, a, atA)
	k.load(whole, atA, a64.Reg{}, x)
	for i := range channels {
		k.multiply(acc[i*vecs:], br, x[i/lanes], i%lanes)
	}
	k.I("PRFM (%ir), PLDL2KEEP", prefetch)
	k.I("PRFM 64(%ir), PLDL2KEEP", prefetch)
	k.I("ADD %ir, %mr", ahead, prefetch)
	k.I("SUBS $1, %mr", left)
	k.Jump("BNE", "steps")

	n, c := k.Param("n"), k.pointers("c", at, vecs, 8)
	begin = k.Param("begin")
	k.I("CMP $%d, %ir", initC, begin)
	k.Jump("BEQ", "add")
	k.storeDirect("Over", acc, c, n, cRow, last, false)
	k.Jump("B", "next")
	k.Label("add")
	k.storeDirect("Add", acc, c, n, cRow, last, true)
	k.Label("next")
	k.Advance(at, 16*vecs)
	k.I("SUBS $1, %mr", panels)
	k.Jump("BNE", "panel")
	k.Ret()
}

// pointers returns where the vectors of a panel begin in a parameter.
func (k kernel) pointers(param string, at a64.Reg, vecs, disp int) []a64.Reg {
	base, p := k.Param(param), make([]a64.Reg, vecs)
	for j := range p {
		p[j] = k.R()
		k.I("MOVD %d(%ir), %or", 16*j+disp, at, p[j])
		k.I("ADD %ir<<2, %ir, %or", p[j], base, p[j])
	}
	return p
}

// storeDirect writes the first n rows of a tile, added to what is there if add: all of the
// vectors but the last, and last lanes of that.
func (k kernel) storeDirect(name string, acc, c []a64.Reg, n, cRow, last a64.Reg, add bool) {
	vecs := len(c)
	rows := func(lastVector func(v, at a64.Reg)) {
		for i := range channels {
			for j, at := range c {
				v := acc[i*vecs+j]
				if j == vecs-1 {
					lastVector(v, at)
				} else {
					k.accumulate(whole, []a64.Reg{v}, at, a64.Reg{}, add)
				}
				k.I("ADD %ir, %mr", cRow, at)
			}
			if i < channels-1 {
				k.I("CMP $%d, %ir", i+1, n)
				k.Jump("BEQ", "next")
			}
		}
	}
	k.I("CMP $%d, %ir", lanes, last)
	k.Jump("BLT", "partial"+name)
	rows(func(v, at a64.Reg) { k.accumulate(whole, []a64.Reg{v}, at, a64.Reg{}, add) })
	k.Jump("B", "next")
	k.Label("partial" + name)
	rows(func(v, at a64.Reg) { k.accumulateTail(last, v, at, add) })
}

// accumulateTail stores the first n lanes of a vector, 1 to 3, added to what is there if add.
func (k kernel) accumulateTail(n, v, at a64.Reg, add bool) {
	if add {
		old := k.V()
		k.tailOf(n, at, old, true)
		k.W(&a64.FADD, v, v, old)
	}
	k.tailOf(n, at, v, false)
}
