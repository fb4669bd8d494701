package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dots writes the kernel of weight gradients; type DotTile in package micro says
// what it does. For each step it multiplies rows vectors of a with 3 of b. It prefetches
// those of the next 3 columns, and ahead bytes of what prefetch points to.
func dots(v vectors) {
	rows, cols := v.directShape()
	TEXT(fmt.Sprintf("dots%dx%d%s", rows, cols, v.suffix), NOSPLIT,
		"func(n, k int, step *int, a *float32, aRow int, b *float32, col *int, sums *float32, add, end int, prefetch *float32, ahead int)")
	Pragma("noescape")
	a, aRow := Load(Param("a"), GP64()), Load(Param("aRow"), GP64())
	SHLQ(Imm(2), aRow)
	aRow3 := GP64()
	LEAQ(Mem{Base: aRow, Index: aRow, Scale: 2}, aRow3)
	left, col, sums, prefetch := local("n"), local("col"), local("sums"), param("prefetch", false)

	Label("triple")
	columns, next := make([]reg.GPVirtual, cols), make([]reg.GPVirtual, cols)
	b, at := Load(Param("b"), GP64()), GP64()
	MOVQ(col, at)
	for j := range columns {
		for _, c := range []struct {
			of   []reg.GPVirtual
			disp int
		}{{columns, 8 * j}, {next, 8 * (cols + j)}} {
			c.of[j] = GP64()
			MOVQ(Mem{Base: at, Disp: c.disp}, c.of[j])
			LEAQ(Mem{Base: b, Index: c.of[j], Scale: 4}, c.of[j])
		}
	}
	ADDQ(Imm(uint64(8*cols)), col)
	acc := v.registers(rows * cols)
	to := GP64()
	CMPQ(Load(Param("add"), GP64()), Imm(0))
	JE(LabelRef("zero"))
	MOVQ(sums, to)
	for i, r := range acc {
		VMOVUPS(Mem{Base: to, Disp: i * v.bytes()}, r)
	}
	JMP(LabelRef("begun"))
	Label("zero")
	for _, r := range acc {
		v.zero(r)
	}
	Label("begun")
	step, k := Load(Param("step"), GP64()), Load(Param("k"), GP64())

	Label("step")
	at = GP64()
	MOVQ(Mem{Base: step, Disp: 8}, at)
	br := v.registers(cols)
	for j, r := range br {
		VMOVUPS(Mem{Base: columns[j], Index: at, Scale: 4}, r)
		PREFETCHT0(Mem{Base: next[j], Index: at, Scale: 4})
	}
	MOVQ(Mem{Base: step}, at)
	row := GP64()
	LEAQ(Mem{Base: a, Index: at, Scale: 4}, row)
	for i := range rows {
		if i == 4 {
			LEAQ(Mem{Base: row, Index: aRow, Scale: 4}, row)
		}
		x := v.register()
		VMOVUPS(fourRows(row, aRow, aRow3)[i%4], x)
		for j, r := range br {
			VFMADD231PS(r, x, acc[i*cols+j])
		}
	}
	PREFETCHT1(Mem{Base: prefetch})
	ahead, err := Param("ahead").Resolve()
	if err != nil {
		panic(err)
	}
	ADDQ(ahead.Addr, prefetch)
	ADDQ(Imm(16), step)
	DECQ(k)
	JNZ(LabelRef("step"))

	to = GP64()
	MOVQ(sums, to)
	CMPQ(Load(Param("end"), GP64()), Imm(0))
	JNE(LabelRef("end"))
	for i, r := range acc {
		VMOVUPS(r, Mem{Base: to, Disp: i * v.bytes()})
	}
	JMP(LabelRef("next"))
	Label("end")
	for j := range cols {
		r := make([]reg.VecVirtual, rows)
		for i := range r {
			r[i] = acc[i*cols+j]
		}
		v.storeSums(r, Mem{Base: to, Disp: j * v.bytes()})
	}
	Label("next")
	ADDQ(U32(rows*cols*v.bytes()), sums)
	DECQ(left)
	JNZ(LabelRef("triple"))
	VZEROUPPER()
	RET()
}

// storeSums adds up the lanes of 4 AVX2 or 8 AVX-512 registers, which it
// overwrites. With AVX-512 it stores twice as many numbers, of which the second half is
// meaningless.
func (v vectors) storeSums(r []reg.VecVirtual, to Mem) {
	// fold adds what one choice of elements of x and y gives to another.
	fold := func(shuffle func(how uint8, x, y, to reg.Register), first, second uint8, x, y reg.VecVirtual) reg.VecVirtual {
		t := v.register()
		shuffle(first, x, y, t)
		shuffle(second, x, y, x)
		VADDPS(t, x, x)
		return x
	}
	elements := func(how uint8, x, y, to reg.Register) { VSHUFPS(U8(how), y, x, to) }
	quarter := func(r []reg.VecVirtual) reg.VecVirtual { // a sum of each in every 128 bits
		x := fold(elements, 0x44, 0xee, r[0], r[1])
		y := fold(elements, 0x44, 0xee, r[2], r[3])
		return fold(elements, 0x88, 0xdd, x, y)
	}
	if v.lanes == 8 {
		x, half := quarter(r), XMM()
		VEXTRACTF128(U8(1), x, half)
		VADDPS(half, x.AsX(), half)
		VMOVUPS(half, to)
		return
	}
	parts := func(how uint8, x, y, to reg.Register) { VSHUFF32X4(U8(how), y, x, to) }
	x := fold(parts, 0x44, 0xee, quarter(r[:4]), quarter(r[4:]))
	VMOVUPS(fold(parts, 0x08, 0x0d, x, x), to)
}
