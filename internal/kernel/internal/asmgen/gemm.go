package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileShape returns the largest microkernel: rows by vectors, chosen so that
// the accumulators, a row of B and a broadcast fill the register file.
func (v vectors) tileShape() (rows, vecs int) {
	if v.lanes == 16 {
		return 8, 3
	}
	return 6, 2
}

// tiles writes the microkernels for several tile heights and widths.
func tiles(v vectors) {
	most, widest := v.tileShape()
	for _, rows := range []int{1, 2, 4, 6, 8} {
		for vecs := 1; vecs <= widest && rows <= most; vecs++ {
			tile(v, rows, vecs)
		}
	}
}

// tile writes one microkernel; type Tile in package micro says what it does.
// It computes n rows of C, a fixed number at a time, with the table row holding
// the offsets of each in A and C, and the table step those of each step of the
// sum in A and B. The last vector of a row has last elements.
func tile(v vectors, rows, vecs int) {
	TEXT(fmt.Sprintf("tile%dx%d%s", rows, vecs, v.suffix), NOSPLIT,
		"func(n int, row *int, k int, step *int, a, b, c *float32, last, begin int, bias *float32)")
	Pragma("noescape")
	mask := v.mask(Load(Param("last"), GP64()))
	row := Load(Param("row"), GP64())
	bias := AllocLocal(8)
	MOVQ(Load(Param("bias"), GP64()), bias)
	n := AllocLocal(8)
	MOVQ(Load(Param("n"), GP64()), n)

	Label("rows")
	acc := v.registers(rows * vecs)
	beginTile(v, acc, rows, vecs, bias, mask, true)
	base := Load(Param("a"), GP64())
	a := make([]reg.GPVirtual, rows)
	for i := range a {
		a[i] = GP64()
		MOVQ(Mem{Base: row, Disp: 16 * i}, a[i])
		LEAQ(Mem{Base: base, Index: a[i], Scale: 4}, a[i])
	}
	b := Load(Param("b"), GP64())
	step := Load(Param("step"), GP64())
	k := Load(Param("k"), GP64())

	Label("steps")
	at := GP64()
	MOVQ(Mem{Base: step, Disp: 8}, at)
	br := v.registers(vecs)
	for j, r := range br {
		v.load(Mem{Base: b, Index: at, Scale: 4, Disp: j * v.bytes()}, maskOfLast(j, vecs, mask), r)
	}
	MOVQ(Mem{Base: step}, at)
	for i := range rows {
		m := Mem{Base: a[i], Index: at, Scale: 4}
		if vecs < 3 && v.lanes == 16 { // broadcast again rather than hold a register
			for j, r := range br {
				VFMADD231PS_BCST(m, r, acc[i*vecs+j])
			}
			continue
		}
		x := v.register()
		VBROADCASTSS(m, x)
		for j, r := range br {
			VFMADD231PS(r, x, acc[i*vecs+j])
		}
	}
	ADDQ(Imm(16), step)
	DECQ(k)
	JNZ(LabelRef("steps"))

	c := Load(Param("c"), GP64())
	left := GP64()
	MOVQ(n, left)
	begin := Load(Param("begin"), GP64())
	CMPQ(begin, U8(1))
	JNE(LabelRef("overwrite"))
	storeTile(v, acc, rows, vecs, row, left, c, mask, true)
	JMP(LabelRef("next"))
	Label("overwrite")
	storeTile(v, acc, rows, vecs, row, left, c, mask, false)
	Label("next")
	ADDQ(Imm(uint64(16*rows)), row)
	SUBQ(Imm(uint64(rows)), left)
	MOVQ(left, n)
	JG(LabelRef("rows"))
	Label("done")
	VZEROUPPER()
	RET()
}

// storeTile writes the rows that are left of a tile, added to what is there if
// add, and leaves the function after the last.
func storeTile(v vectors, acc []reg.VecVirtual, rows, vecs int, row, left, c, mask reg.Register, add bool) {
	at := GP64()
	for i := range rows {
		MOVQ(Mem{Base: row, Disp: 16*i + 8}, at)
		for j := range vecs {
			r, m, mem := acc[i*vecs+j], maskOfLast(j, vecs, mask), Mem{Base: c, Index: at, Scale: 4, Disp: j * v.bytes()}
			if add {
				old := v.register()
				v.load(mem, m, old)
				VADDPS(old, r, r)
			}
			v.store(r, m, mem)
		}
		if i < rows-1 {
			CMPQ(left, U8(i+1))
			JE(LabelRef("done"))
		}
	}
}

// beginTile sets the accumulators to what the parameter begin, an Init of
// package micro, says: to the bias, or to 0 even for a tile that is added to C.
// A sum of partial sums is more accurate than one long sum. If further, the bias of rows
// advances by the rows of the tile.
func beginTile(v vectors, acc []reg.VecVirtual, rows, vecs int, bias Mem, mask reg.Register, further bool) {
	begin := Load(Param("begin"), GP64())
	from := GP64()
	CMPQ(begin, U8(2))
	JB(LabelRef("fromZero"))
	MOVQ(bias, from)
	JE(LabelRef("fromRows"))

	for j := range vecs {
		v.load(Mem{Base: from, Disp: j * v.bytes()}, maskOfLast(j, vecs, mask), acc[j])
		for i := 1; i < rows; i++ {
			VMOVAPS(acc[j], acc[i*vecs+j])
		}
	}
	JMP(LabelRef("begun"))

	Label("fromRows")
	for i := range rows {
		VBROADCASTSS(Mem{Base: from, Disp: 4 * i}, acc[i*vecs])
		for j := 1; j < vecs; j++ {
			VMOVAPS(acc[i*vecs], acc[i*vecs+j])
		}
	}
	if further {
		ADDQ(Imm(uint64(4*rows)), bias)
	}
	JMP(LabelRef("begun"))

	Label("fromZero")
	for _, r := range acc {
		v.zero(r)
	}
	Label("begun")
}

// maskOfLast returns the mask if vector j is the last of a row, or nil.
func maskOfLast(j, vecs int, last reg.Register) reg.Register {
	if j == vecs-1 {
		return last
	}
	return nil
}

func (v vectors) zero(r reg.VecVirtual) {
	if v.lanes == 16 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}
