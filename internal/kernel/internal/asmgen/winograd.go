package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// winograd writes the instructions of one transform.
type winograd struct{ *code }

// transform writes the function that applies l to blocks of channels of tiles:
// element (i, j) of a block is a vector at src[i*si+j*sj], its result at
// dst[i*di+j*dj]; the other arguments are the distances between blocks of one
// tile and between tiles.
func transform(v vectors, l formula.Linear[reg.VecVirtual]) {
	bias := ""
	if l.Bias {
		bias = ", bias *float32"
	}
	TEXT(fmt.Sprintf("winograd%s%s", l.Name, v.suffix), NOSPLIT,
		"func(tiles, blocks int, src *float32, si, sj, srcTile, srcBlock int, dst *float32, di, dj, dstTile, dstBlock int"+bias+")")
	Pragma("noescape")
	w := &winograd{newCode(v)}

	bytes := func(name string) reg.GPVirtual {
		r := GP64()
		Load(Param(name), r)
		SHLQ(U8(2), r)
		return r
	}
	si, sj, dj := bytes("si"), bytes("sj"), bytes("dj")
	src, dst := AllocLocal(8), AllocLocal(8)
	keep := func(name string, to Mem) {
		r := Load(Param(name), GP64())
		MOVQ(r, to)
	}
	keep("src", src)
	keep("dst", dst)
	tiles := Load(Param("tiles"), GP64())

	Label("tile")
	s, d := GP64(), GP64()
	MOVQ(src, s)
	MOVQ(dst, d)
	blocks := Load(Param("blocks"), GP64())
	var biasAt reg.Register
	if l.Bias {
		biasAt = Load(Param("bias"), GP64())
	}
	Label("block")
	most := 18 // three rows of six columns
	if v.lanes == 8 {
		most = 12
	}
	for _, g := range l.Merge(most) {
		w.group(l, g, s, d, si, sj, dj, biasAt)
	}
	step := bytes("srcBlock")
	ADDQ(step, s)
	step = bytes("dstBlock")
	ADDQ(step, d)
	if l.Bias {
		ADDQ(Imm(uint64(v.bytes())), biasAt)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	step = bytes("srcTile")
	ADDQ(step, src)
	step = bytes("dstTile")
	ADDQ(step, dst)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// group computes some rows: vertically for each column, then horizontally.
func (w *winograd) group(l formula.Linear[reg.VecVirtual], g formula.Group[reg.VecVirtual], s, d, si, sj, dj, bias reg.Register) {
	low, high := GP64(), GP64() // rows 0 and 3 of the current column
	MOVQ(s, low)
	LEAQ(Mem{Base: s, Index: si, Scale: 2}, high)
	ADDQ(si, high)
	rows := make([][]reg.VecVirtual, len(g.Rows))
	for j := range l.N {
		x := make([]reg.VecVirtual, l.N)
		for _, i := range g.In {
			m := Mem{Base: low}
			if i >= 3 {
				m.Base = high
			}
			if i%3 > 0 {
				m.Index, m.Scale = si, uint8(i%3)
			}
			x[i] = w.register()
			VMOVUPS(m, x[i])
		}
		for r, y := range g.Apply(w, x) {
			rows[r] = append(rows[r], y)
		}
		if j < l.N-1 {
			ADDQ(sj, low)
			ADDQ(sj, high)
		}
	}
	for r, x := range rows {
		to := Load(Param("di"), GP64())
		IMUL3Q(Imm(uint64(4*g.Rows[r])), to, to)
		ADDQ(d, to)
		for j, y := range l.Horizontal(w, x) {
			if l.Bias {
				VADDPS(Mem{Base: bias}, y, y)
			}
			VMOVUPS(y, Mem{Base: to})
			if j < l.M-1 {
				ADDQ(dj, to)
			}
		}
	}
}
