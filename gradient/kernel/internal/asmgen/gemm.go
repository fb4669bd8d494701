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

// gemm writes microkernels for several tile heights and widths.
func gemm(v vectors) {
	most, widest := v.tileShape()
	for _, rows := range []int{1, 2, 4, 6, 8} {
		for vecs := 1; vecs <= widest && rows <= most; vecs++ {
			gemmTile(v, rows, vecs)
		}
	}
}

func gemmTile(v vectors, rows, vecs int) {
	TEXT(fmt.Sprintf("tile%dx%d%s", rows, vecs, v.suffix), NOSPLIT,
		"func(k int, a *float32, ra, ka int, b *float32, kb int, c *float32, ldc, rows, last int, add bool)")
	Pragma("noescape")

	// Row pointers of A, in bytes; those beyond the last row repeat it.
	n := Load(Param("rows"), GP64())
	stride := Load(Param("ra"), GP64())
	a := clampedRows(rows, Load(Param("a"), GP64()), stride, n)

	last := v.mask(Load(Param("last"), GP64()))
	acc := v.registers(rows * vecs)
	for _, r := range acc {
		v.zero(r)
	}
	b := Load(Param("b"), GP64())
	kb := Load(Param("kb"), GP64())
	ka := Load(Param("ka"), GP64())
	SHLQ(U8(2), kb)
	SHLQ(U8(2), ka)
	k := Load(Param("k"), GP64())
	at := GP64()
	XORQ(at, at)

	loop := "k"
	Label(loop)
	row := v.registers(vecs)
	for j, r := range row {
		v.load(Mem{Base: b, Disp: j * v.bytes()}, maskOfLast(j, vecs, last), r)
	}
	for i := range rows {
		x := v.register()
		VBROADCASTSS(Mem{Base: a[i], Index: at, Scale: 1}, x)
		for j, r := range row {
			VFMADD231PS(r, x, acc[i*vecs+j])
		}
	}
	ADDQ(ka, at)
	ADDQ(kb, b)
	DECQ(k)
	JNZ(LabelRef(loop))

	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(U8(2), ldc)
	left := Load(Param("rows"), GP64())
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("overwrite"))
	for _, label := range []string{"add", "overwrite"} {
		if label == "overwrite" {
			Label(label)
		}
		for i := range rows {
			for j := range vecs {
				m, mem := maskOfLast(j, vecs, last), Mem{Base: c, Disp: j * v.bytes()}
				r := acc[i*vecs+j]
				if label == "add" {
					old := v.register()
					v.load(mem, m, old)
					VADDPS(old, r, r)
				}
				v.store(r, m, mem)
			}
			if i < rows-1 {
				DECQ(left)
				JZ(LabelRef("done"))
				ADDQ(ldc, c)
			} else if label == "add" {
				JMP(LabelRef("done"))
			}
		}
	}
	Label("done")
	VZEROUPPER()
	RET()
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
