package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// transforms writes the transforms of Winograd's convolutions.
func transforms() {
	for _, l := range formula.Transforms[a64.Reg]() {
		transform(l)
	}
}

// transform writes the function that applies l to blocks of channels of tiles: element (i, j) of
// a block is a vector at src[i*si+j*sj], its result at dst[i*di+j*dj]; the other arguments are
// the distances between blocks of one tile and between tiles.
func transform(l formula.Linear[a64.Reg]) {
	bias := ""
	if l.Bias {
		bias = ", bias *float32"
	}
	c := newCode(newKernel(fmt.Sprintf("winograd%sNEON", l.Name),
		"func(tiles, blocks int, src *float32, si, sj, srcTile, srcBlock int, dst *float32, di, dj, dstTile, dstBlock int"+bias+")"))
	t := transformKernel{code: c, Linear: l, si: c.Bytes("si"), sj: c.Bytes("sj"), di: c.Bytes("di"), dj: c.Bytes("dj")}
	tiles, src, dst := c.Param("tiles"), c.Param("src"), c.Param("dst")
	srcTile, srcBlock, dstTile, dstBlock := c.Bytes("srcTile"), c.Bytes("srcBlock"), c.Bytes("dstTile"), c.Bytes("dstBlock")

	c.Label("tile")
	s, d, blocks := c.Copy(src), c.Copy(dst), c.Param("blocks")
	if l.Bias {
		t.bias = c.Param("bias")
	}
	c.Label("block")
	const most = 18 // three rows of six columns
	for _, g := range l.Merge(most) {
		t.group(g, s, d)
	}
	c.I("ADD %ir, %mr", srcBlock, s)
	c.I("ADD %ir, %mr", dstBlock, d)
	if l.Bias {
		c.Advance(t.bias, vectorBytes)
	}
	c.I("SUBS $1, %mr", blocks)
	c.Jump("BNE", "block")
	c.I("ADD %ir, %mr", srcTile, src)
	c.I("ADD %ir, %mr", dstTile, dst)
	c.I("SUBS $1, %mr", tiles)
	c.Jump("BNE", "tile")
	c.Ret()
}

// transformKernel is what a group of rows needs.
type transformKernel struct {
	*code
	formula.Linear[a64.Reg]
	si, sj, di, dj, bias a64.Reg // distances in bytes
}

// group computes some rows: vertically for each column, then horizontally.
func (t *transformKernel) group(g formula.Group[a64.Reg], s, d a64.Reg) {
	at := make([]a64.Reg, t.N) // rows of the current column
	at[0] = t.code.Copy(s)
	for i := 1; i < t.N; i++ {
		at[i] = t.R()
		t.I("ADD %ir, %ir, %or", t.si, at[i-1], at[i])
	}
	rows := make([][]a64.Reg, len(g.Rows))
	for j := range t.N {
		x := make([]a64.Reg, t.N)
		for _, i := range g.In {
			x[i] = t.V()
			t.I("FMOVQ (%ir), %of", at[i], x[i])
			if j < t.N-1 {
				t.I("ADD %ir, %mr", t.sj, at[i])
			}
		}
		for r, y := range g.Apply(t.code, x) {
			rows[r] = append(rows[r], y)
		}
	}
	for r, x := range rows {
		to, scale := t.code.Copy(d), t.R()
		t.I("MOVD $%d, %or", g.Rows[r], scale)
		t.I("MADD %ir, %ir, %ir, %or", scale, to, t.di, to)
		for j, y := range t.Horizontal(t.code, x) {
			if t.Linear.Bias {
				b := t.V()
				t.I("FMOVQ (%ir), %of", t.bias, b)
				y = t.code.Add(y, b)
			}
			t.I("FMOVQ %if, (%ir)", y, to)
			if j < t.M-1 {
				t.I("ADD %ir, %mr", t.dj, to)
			}
		}
	}
}
