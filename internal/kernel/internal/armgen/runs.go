package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// allRuns writes the kernels for runs of 1 to 3 vectors.
func allRuns() {
	for vecs := 1; vecs <= tileVecs; vecs++ {
		runs(vecs)
	}
}

// runs writes one kernel; type RunTile in package micro says what it does. It computes 8 rows
// of vecs vectors. The elements of a row of A follow one another for length steps; there is a
// gap before the next run; rows are lda apart. Those of B all follow one another. On the way it
// prefetches from prefetch, as fast as it reads A.
func runs(vecs int) {
	k := newKernel(fmt.Sprintf("runs%dx%dNEON", tileRows, vecs),
		"func(n, length int, a *float32, lda, gap int, b *float32, c *float32, ldc, last, add int, prefetch *float32)")
	n, prefetch, gap, lda := k.Param("n"), k.Param("prefetch"), k.Bytes("gap"), k.Bytes("lda")
	s := stripKernel{kernel: k, rows: tileRows, vecs: vecs, byRows: true, acc: k.Vs(tileRows * vecs), at: k.Param("b"), a: []a64.Reg{k.Param("a")}}
	for i := 1; i < tileRows; i++ {
		r := k.R()
		k.I("ADD %ir, %ir, %or", lda, s.a[i-1], r)
		s.a = append(s.a, r)
	}
	for _, v := range s.acc {
		k.Zero(v)
	}
	k.Label("run")
	left := k.Param("length")
	k.I("SUBS $%d, %mr", unroll, left)
	k.Jump("BLT", "rest")
	k.Label("steps")
	s.steps(unroll, s.packedRows)
	k.Advance(s.at, unroll*vecs*vectorBytes)
	for at := 0; at < 4*unroll*tileRows; at += 64 {
		k.I("PRFM %d(%ir), PLDL2KEEP", at, prefetch)
	}
	k.Advance(prefetch, 4*unroll*tileRows)
	k.I("SUBS $%d, %mr", unroll, left)
	k.Jump("BGE", "steps")
	k.Label("rest")
	k.I("ADDS $%d, %mr", unroll, left)
	k.Jump("BEQ", "next")
	k.Label("step")
	s.step(whole)
	k.I("SUBS $1, %mr", left)
	k.Jump("BNE", "step")
	k.Label("next")
	for _, r := range s.a {
		k.I("ADD %ir, %mr", gap, r)
	}
	k.I("SUBS $1, %mr", n)
	k.Jump("BNE", "run")

	c, ldc, last, add := k.Param("c"), k.Bytes("ldc"), k.Param("last"), k.Param("add")
	k.Jump("CBZ", "overwrite", add)
	k.storeRuns("Add", s.acc, vecs, c, ldc, last, true)
	k.Label("overwrite")
	k.storeRuns("Over", s.acc, vecs, c, ldc, last, false)
}

// storeRuns writes the rows of a tile, with last lanes of the last vector of each, and ends the
// function.
func (k kernel) storeRuns(name string, acc []a64.Reg, vecs int, c, ldc, last a64.Reg, add bool) {
	k.I("CMP $%d, %ir", lanes, last)
	k.Jump("BLT", "partial"+name)
	for i := 0; i < len(acc); i += vecs {
		k.accumulate(whole, acc[i:i+vecs], c, a64.Reg{}, add)
		k.I("ADD %ir, %mr", ldc, c)
	}
	k.Ret()
	k.Label("partial" + name)
	for i := 0; i < len(acc); i += vecs {
		if vecs > 1 {
			k.accumulate(whole, acc[i:i+vecs-1], c, a64.Reg{}, add)
		}
		at := k.R()
		k.I("ADD $%d, %ir, %or", (vecs-1)*vectorBytes, c, at)
		k.accumulateTail(last, acc[i+vecs-1], at, add)
		k.I("ADD %ir, %mr", ldc, c)
	}
	k.Ret()
}
