package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// tallRun is how many steps prefetch 16 adjacent lines of cache. A step reads a quarter of a
// line.
const tallRun = 64

// talls writes the kernels for 8, 16 and 24 channels.
func talls() {
	for rows := 8; rows <= 24; rows += 8 {
		tall(rows)
	}
}

// tall writes one kernel; type TallTile in package micro says what it does. It computes all
// rows channels of a vector of positions after the other: so every vector of the source is
// loaded but once.
func tall(rows int) {
	k := newKernel(fmt.Sprintf("tall%dNEON", rows),
		"func(vectors, n, k int, a, b *float32, bRow int, prefetch *float32, gap int, c *float32, cRow int, bias *float32)")
	b, c, prefetch, vectors := k.Param("b"), k.Param("c"), k.Param("prefetch"), k.Param("vectors")
	bRow, cRow, gap, n := k.Bytes("bRow"), k.Bytes("cRow"), k.Bytes("gap"), k.Param("n")

	k.Label("vector")
	acc, bias := k.Vs(rows), k.Param("bias")
	for _, v := range acc {
		k.I("VLD1R.P 4(%mr), [%ov.S4]", bias, v)
	}
	a, at, count, some := k.Param("a"), k.Copy(b), k.Param("k"), k.R()
	step := func() {
		x, w := k.V(), k.Vs(rows/lanes)
		k.I("FMOVQ (%ir), %of", at, x)
		k.load(whole, a, a64.Reg{}, w)
		for i, v := range acc {
			k.multiply([]a64.Reg{v}, []a64.Reg{x}, w[i/lanes], i%lanes)
		}
		k.I("ADD %ir, %mr", bRow, at)
		k.Advance(a, 4*rows)
	}
	k.I("SUBS $%d, %mr", tallRun, count)
	k.Jump("BLT", "rest")
	k.Label("run")
	k.I("MOVD $%d, %or", tallRun, some)
	k.Label("step")
	k.I("PRFM (%ir), PLDL2KEEP", prefetch)
	k.Advance(prefetch, vectorBytes)
	step()
	k.I("SUBS $1, %mr", some)
	k.Jump("BNE", "step")
	k.I("ADD %ir, %mr", gap, prefetch)
	k.I("SUBS $%d, %mr", tallRun, count)
	k.Jump("BGE", "run")
	k.Label("rest")
	k.I("ADDS $%d, %mr", tallRun, count)
	k.Jump("BEQ", "store")
	k.Label("last")
	step()
	k.I("SUBS $1, %mr", count)
	k.Jump("BNE", "last")

	k.Label("store")
	to := k.Copy(c)
	for i, v := range acc {
		k.I("FMOVQ %if, (%ir)", v, to)
		k.I("ADD %ir, %mr", cRow, to)
		if i < rows-1 {
			k.I("CMP $%d, %ir", i+1, n)
			k.Jump("BEQ", "next")
		}
	}
	k.Label("next")
	k.Advance(b, vectorBytes)
	k.Advance(c, vectorBytes)
	k.I("SUBS $1, %mr", vectors)
	k.Jump("BNE", "vector")
	k.Ret()
}
