package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Go's assembler does not know the instructions of AMX, so that they are written as bytes:
// a VEX prefix of three bytes, the opcode, and the operands (Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2). Their general registers are chosen by
// hand, because avo does not see which they read.

// tmm is the number of a tile register.
type tmm uint8

// The prefixes that tell instructions of one opcode apart.
const (
	prefixNone = iota
	prefix66
	prefixF3
	prefixF2
)

var encodings = map[reg.Physical]uint8{
	reg.RAX: 0, reg.RCX: 1, reg.RDX: 2, reg.RBX: 3, reg.RSI: 6, reg.RDI: 7,
	reg.R8: 8, reg.R9: 9, reg.R10: 10, reg.R11: 11, reg.R12: 12,
}

// encoded writes an instruction of the map 0F38.
func encoded(prefix, opcode uint8, second tmm, base, index uint8, operands ...uint8) {
	extended := (^index>>3&1)<<6 | (^base>>3&1)<<5
	for _, b := range append([]uint8{0xc4, 0x80 | extended | 2, (^uint8(second)&15)<<3 | prefix, opcode}, operands...) {
		Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(b)}})
	}
}

// rows encodes the operand of a tile in memory: rows that are step bytes apart, the first one
// disp bytes after base.
func rows(prefix, opcode uint8, t tmm, base reg.Physical, disp int, step reg.Physical) {
	b, s := encodings[base], encodings[step]
	encoded(prefix, opcode, 0, b, s, 0x84|uint8(t)<<3, s&7<<3|b&7, uint8(disp), uint8(disp>>8), uint8(disp>>16), uint8(disp>>24))
}

func tileLoad(t tmm, base reg.Physical, disp int, step reg.Physical) {
	rows(prefixF2, 0x4b, t, base, disp, step)
}

func tileStore(t tmm, base reg.Physical, disp int, step reg.Physical) {
	rows(prefixF3, 0x4b, t, base, disp, step)
}

func tileZero(t tmm) { encoded(prefixF2, 0x49, 0, 0, 0, 0xc0|uint8(t)<<3) }

// tileDot adds the products of pairs of bfloat16 to sum: sum[i][j] += x[i][2k]·y[k][2j] +
// x[i][2k+1]·y[k][2j+1].
func tileDot(sum, x, y tmm) { encoded(prefixF3, 0x5c, y, 0, 0, 0xc0|uint8(sum)<<3|uint8(x)) }

func tileRelease() { encoded(prefixNone, 0x49, 0, 0, 0, 0xc0) }

// tileConfigure loads the configuration that base points to.
func tileConfigure(base reg.Physical) {
	b := encodings[base]
	encoded(prefixNone, 0x49, 0, b, 0, b&7)
}

// tileShape is the configuration: all tiles have 16 rows of 64 bytes.
var tileShape Mem

func tileShapeData() {
	tileShape = GLOBL("tileShape", 8|16) // RODATA | NOPTR
	var shape [64]uint8
	shape[0] = 1 // the palette
	for t := range 8 {
		shape[16+2*t], shape[48+t] = 64, 16
	}
	for i, b := range shape {
		DATA(i, U8(b))
	}
}

// The tile registers: sums come first.
const (
	firstX    tmm = 4 // of the left side
	firstY    tmm = 6 // of the right side
	tileBytes     = 1024
)

// tileProducts writes the kernel that adds up products of tiles; type Task in package amx
// says what it does. high is the number of tiles of the left side. Both sides of a product lie by
// step, the left one as tiles, rows.
func tileProducts(high int) {
	wide := 4 / high // tiles of the right side
	TEXT(fmt.Sprintf("products%dx%d", high, wide), NOSPLIT,
		"func(blocks, n int, step *int, x, y *uint32, yRow, yNext, yBlock int, sums *float32, sumsRow, sumsBlock, add int)")
	Pragma("noescape")
	x, step, left := reg.RAX, reg.RCX, reg.RDX
	yRow, yNext, line := reg.RBX, reg.R10, reg.R9
	at, from, y, sums, sumsRow := reg.RSI, reg.RDI, reg.R8, reg.R11, reg.R12
	move := func(name string, to reg.Register) { Load(Param(name), to) }

	LEAQ(tileShape, at)
	tileConfigure(at)
	move("y", y)
	move("sums", sums)
	move("yRow", yRow)
	move("yNext", yNext)

	// eachSum visits the tiles of the sums.
	eachSum := func(f func(t tmm, base reg.Physical, disp int)) {
		MOVQ(sums, line)
		for i := range high {
			for j := range wide {
				f(tmm(i*wide+j), line, 64*j)
			}
			if i+1 < high {
				MOVQ(sumsRow, from)
				SHLQ(Imm(4), from)
				ADDQ(from, line)
			}
		}
	}

	Label("block")
	move("sumsRow", sumsRow)
	CMPQ(addressOf("add"), Imm(0))
	JE(LabelRef("zero"))
	eachSum(func(t tmm, base reg.Physical, disp int) { tileLoad(t, base, disp, sumsRow) })
	JMP(LabelRef("begun"))
	Label("zero")
	for t := range tmm(high * wide) {
		tileZero(t)
	}
	Label("begun")
	move("x", x)
	move("step", step)
	move("n", left)
	MOVQ(U32(64), sumsRow) // the rows of a tile of x are adjacent

	Label("step")
	MOVQ(Mem{Base: step}, at)
	ADDQ(y, at)
	for i := range high {
		tileLoad(firstX+tmm(i), x, i*tileBytes, sumsRow)
	}
	for j := range wide {
		t := firstY + tmm(j%2)
		tileLoad(t, at, 0, yRow)
		if j+1 < wide {
			ADDQ(yNext, at)
		}
		for i := range high {
			tileDot(tmm(i*wide+j), firstX+tmm(i), t)
		}
	}
	ADDQ(U32(high*tileBytes), x)
	ADDQ(Imm(8), step)
	DECQ(left)
	JNZ(LabelRef("step"))

	move("sumsRow", sumsRow)
	eachSum(func(t tmm, base reg.Physical, disp int) { tileStore(t, base, disp, sumsRow) })
	ADDQ(addressOf("yBlock"), y)
	ADDQ(addressOf("sumsBlock"), sums)
	DECQ(addressOf("blocks"))
	JNZ(LabelRef("block"))
	tileRelease()
	RET()
}

func addressOf(name string) Mem { return address(Param(name)) }

// round writes the kernel that rounds numbers to bfloat16, two to a word; function Round in
// package amx says what it does.
func round() {
	TEXT("roundRowsAVX512", NOSPLIT, "func(rows, n int, x, y *float32, xRow, both int, dst *uint32, dstRow int) (largest uint32)")
	Pragma("noescape")
	rows := Load(Param("rows"), GP64())
	x, y, xRow := Load(Param("x"), GP64()), Load(Param("y"), GP64()), Load(Param("xRow"), GP64())
	dst, dstRow := Load(Param("dst"), GP64()), Load(Param("dstRow"), GP64())
	half, high, sign, largest := ZMM(), ZMM(), ZMM(), ZMM()
	for _, c := range []struct {
		bits uint32
		to   reg.VecVirtual
	}{{0x8000, half}, {0xffff0000, high}, {0x7fffffff, sign}} {
		bits := GP32()
		MOVL(U32(c.bits), bits)
		VPBROADCASTD(bits, c.to)
	}
	VPXORD(largest, largest, largest)
	all, exists := GP32(), K() // exists: the elements of y that do
	MOVL(U32(0xffff), all)
	both := Load(Param("both"), GP64())
	KMOVW(both.(reg.GP).As32(), exists)

	Label("row")
	left, at := GP64(), GP64()
	Load(Param("n"), left)
	XORQ(at, at)
	Label("vector")
	lanes, other := K(), K()
	KMOVW(all, lanes)
	CMPQ(left, Imm(16))
	JGE(LabelRef("whole"))
	bits := GP32()
	shift := GP64()
	MOVL(U32(16), shift.As32())
	SUBL(left.As32(), shift.As32())
	MOVL(U32(0xffff), bits)
	SHRXL(shift.As32(), bits, bits)
	KMOVW(bits, lanes)
	Label("whole")
	KANDW(lanes, exists, other)
	a, b := ZMM(), ZMM()
	VMOVUPS_Z(Mem{Base: x, Index: at, Scale: 4}, lanes, a)
	VMOVUPS_Z(Mem{Base: y, Index: at, Scale: 4}, other, b)
	for _, v := range []reg.VecVirtual{a, b} {
		size := ZMM()
		VPANDD(sign, v, size)
		VPMAXUD(size, largest, largest)
	}
	VPADDD(half, a, a)
	VPADDD(half, b, b)
	VPSRLD(U8(16), a, a)
	VPANDD(high, b, b)
	VPORD(a, b, b)
	VMOVDQU32(b, lanes, Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(Imm(16), at)
	SUBQ(Imm(16), left)
	JG(LabelRef("vector"))
	LEAQ(Mem{Base: x, Index: xRow, Scale: 4}, x)
	LEAQ(Mem{Base: y, Index: xRow, Scale: 4}, y)
	LEAQ(Mem{Base: dst, Index: dstRow, Scale: 4}, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	folded := ZMM()
	for _, how := range []uint8{0x4e, 0xb1} {
		VSHUFF32X4(U8(how), largest, largest, folded)
		VPMAXUD(folded, largest, largest)
	}
	for _, how := range []uint8{0x4e, 0xb1} {
		VPSHUFD(U8(how), largest, folded)
		VPMAXUD(folded, largest, largest)
	}
	out := GP32()
	VMOVD(largest.AsX(), out)
	Store(out, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// addRows writes the kernel that copies rows of n elements and adds a number to each.
func addRows() {
	TEXT("addRowsAVX512", NOSPLIT, "func(rows, n int, src *float32, ss int, add float32, dst *float32, ds int)")
	Pragma("noescape")
	rows, src, dst := param("rows", false), param("src", false), param("dst", false)
	ss, ds := param("ss", true), param("ds", true)
	add := ZMM()
	VBROADCASTSS(addressOf("add"), add)
	n, last := GP64(), GP64() // whole vectors, and the elements of the last one
	Load(Param("n"), n)
	LEAQ(Mem{Base: n, Disp: -1}, last)
	ANDQ(Imm(15), last)
	INCQ(last)
	SUBQ(last, n)
	tail := avx512.mask(last)

	Label("row")
	at := GP64()
	XORQ(at, at)
	JMP(LabelRef("any"))
	Label("vector")
	x := ZMM()
	VADDPS(Mem{Base: src, Index: at, Scale: 4}, add, x)
	VMOVUPS(x, Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(Imm(16), at)
	Label("any")
	CMPQ(at, n)
	JL(LabelRef("vector"))
	VADDPS_Z(Mem{Base: src, Index: at, Scale: 4}, add, tail, x)
	VMOVUPS(x, tail, Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(ss, src)
	ADDQ(ds, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
