package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// tileRows and tileVecs are the size of the largest tile of C: the accumulators, a row of B
// and a few elements of A fill the 32 registers.
const tileRows, tileVecs = 8, 3

// tiles writes the microkernels for several tile heights and widths.
func tiles() {
	for _, rows := range []int{1, 2, 4, 6, tileRows} {
		for vecs := 1; vecs <= tileVecs; vecs++ {
			tile(rows, vecs)
		}
	}
}

// tile writes one microkernel; type Tile in package micro says what it does. It computes n rows
// of C, a fixed number at a time, with the table row holding the offsets of each in A and C, and
// the table step those of each step of the sum in A and B. The last vector of a row has last
// elements.
func tile(rows, vecs int) {
	k := newKernel(fmt.Sprintf("tile%dx%dNEON", rows, vecs),
		"func(n int, row *int, k int, step *int, a, b, c *float32, last, begin int, bias *float32)")
	n, row, last, begin, bias := k.Param("n"), k.Param("row"), k.Param("last"), k.Param("begin"), k.Param("bias")
	second := k.secondPair(vecs, last)
	k.eachPart(last, func(p part) {
		name := p.String()
		k.Label("rows" + name)
		acc := k.Vs(rows * vecs)
		k.begin(name, p, acc, vecs, begin, bias, second, true)
		base, a := k.Param("a"), make([]a64.Reg, rows)
		for i := range a {
			a[i] = k.R()
			k.I("MOVD %d(%ir), %or", 16*i, row, a[i])
			k.I("ADD %ir<<2, %ir, %or", a[i], base, a[i])
		}
		b, step, left := k.Param("b"), k.Param("step"), k.Param("k")
		k.Label("steps" + name)
		atA, atB := k.R(), k.R()
		k.I("LDP.P 16(%mr), (%or, %or)", step, atA, atB)
		k.I("ADD %ir<<2, %ir, %or", atB, b, atB)
		br, atLast := k.Vs(vecs), k.R()
		if p == pairs {
			k.I("ADD %ir, %ir, %or", atB, second, atLast)
		}
		k.load(p, atB, atLast, br)
		for i := range rows {
			x := k.V()
			k.I("FMOVS (%ir)(%ir<<2), %of", a[i], atA, x)
			k.multiply(acc[i*vecs:], br, x, 0)
		}
		k.I("SUBS $1, %mr", left)
		k.Jump("BNE", "steps"+name)

		k.I("CMP $%d, %ir", initC, begin)
		k.Jump("BNE", "overwrite"+name)
		k.storeTile(p, acc, vecs, row, n, second, true)
		k.Jump("B", "next"+name)
		k.Label("overwrite" + name)
		k.storeTile(p, acc, vecs, row, n, second, false)
		k.Label("next" + name)
		k.Advance(row, 16*rows)
		k.I("SUBS $%d, %mr", rows, n)
		k.Jump("BGT", "rows"+name)
		k.Ret()
	})
	k.Label("done")
	k.Ret()
}

// storeTile writes the rows that are left of a tile, added to what is there if add, and leaves
// the function after the last.
func (k kernel) storeTile(p part, acc []a64.Reg, vecs int, row, left, second a64.Reg, add bool) {
	base, to, last := k.Param("c"), k.R(), k.R()
	for i := range len(acc) / vecs {
		k.I("MOVD %d(%ir), %or", 16*i+8, row, to)
		k.I("ADD %ir<<2, %ir, %or", to, base, to)
		if p == pairs {
			k.I("ADD %ir, %ir, %or", to, second, last)
		}
		k.accumulate(p, acc[i*vecs:(i+1)*vecs], to, last, add)
		if i < len(acc)/vecs-1 {
			k.I("CMP $%d, %ir", i+1, left)
			k.Jump("BEQ", "done")
		}
	}
}
