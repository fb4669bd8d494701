package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// directShape returns the largest tile of a direct convolution: channels by
// vectors of positions.
func (v vectors) directShape() (rows, vecs int) {
	if v.lanes == 16 {
		return 8, 3
	}
	return 4, 3
}

// directs writes the kernels of direct convolution for panels of 1 to 3 vectors.
func directs(v vectors) {
	rows, vecs := v.directShape()
	for n := range vecs {
		direct(v, rows, n+1, false)
		direct(v, rows, n+1, true)
	}
}

// direct writes one kernel; type DirectTile in package micro says what it does.
// It computes rows channels for one panel of vecs vectors after another. The table at says
// where the vectors begin in b and c. Vectors are loaded whole; of the last vector of a panel,
// last lanes are stored. Every step prefetches
// two cache lines from prefetch; the next step prefetches ahead bytes further on. If even,
// there is no table of steps: those of b are bStep apart, and a holds rows weights
// for each.
func direct(v vectors, rows, vecs int, even bool) {
	name, steps := "direct", "step *int"
	if even {
		name, steps = "even", "bStep int"
	}
	TEXT(fmt.Sprintf("%s%dx%d%s", name, rows, vecs, v.suffix), NOSPLIT,
		"func(panels, n, k int, "+steps+", a, b *float32, at *int, c *float32, cRow, last, begin int, bias, prefetch *float32, ahead int)")
	Pragma("noescape")
	var mask reg.Register
	if v.lanes == 16 {
		mask = v.mask(Load(Param("last"), GP64()))
	}
	at, panels := Load(Param("at"), GP64()), AllocLocal(8)
	MOVQ(Load(Param("panels"), GP64()), panels)
	prefetch, ahead := Load(Param("prefetch"), GP64()), Load(Param("ahead"), GP64())

	Label("panel")
	acc := v.registers(rows * vecs)
	begin := Load(Param("begin"), GP64())
	CMPQ(begin, Imm(2))
	JNE(LabelRef("zero"))
	bias := Load(Param("bias"), GP64())
	for i := range rows {
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, acc[i*vecs])
		for j := 1; j < vecs; j++ {
			VMOVAPS(acc[i*vecs], acc[i*vecs+j])
		}
	}
	JMP(LabelRef("begun"))
	Label("zero")
	for _, r := range acc {
		v.zero(r)
	}
	Label("begun")
	b := pointers("b", at, vecs, 0)
	switch {
	case even && v.lanes == 8:
		evenStepsSingly(v, acc, b, prefetch, ahead)
	case even:
		evenSteps(v, acc, b, prefetch, ahead)
	default:
		tabledSteps(v, acc, b, prefetch, ahead)
	}

	if mask == nil { // the sums fill the register file of AVX2
		mask = v.mask(Load(Param("last"), GP64()))
	}
	n, c := Load(Param("n"), GP64()), pointers("c", at, vecs, 8)
	cRow := Load(Param("cRow"), GP64())
	SHLQ(Imm(2), cRow)
	begin = Load(Param("begin"), GP64())
	CMPQ(begin, Imm(1))
	JNE(LabelRef("overwrite"))
	storeDirect(v, acc, rows, c, n, cRow, mask, true)
	JMP(LabelRef("next"))
	Label("overwrite")
	storeDirect(v, acc, rows, c, n, cRow, mask, false)
	Label("next")
	ADDQ(Imm(uint64(16*vecs)), at)
	DECQ(panels)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// tabledSteps adds up the products of a panel, with offsets from the table step.
func tabledSteps(v vectors, acc []reg.VecVirtual, b []reg.GPVirtual, prefetch, ahead reg.Register) {
	vecs := len(b)
	a, step, k := Load(Param("a"), GP64()), Load(Param("step"), GP64()), Load(Param("k"), GP64())

	Label("steps")
	off := GP64()
	MOVQ(Mem{Base: step, Disp: 8}, off)
	br := v.registers(vecs)
	for j, r := range br {
		VMOVUPS(Mem{Base: b[j], Index: off, Scale: 4}, r)
	}
	MOVQ(Mem{Base: step}, off)
	for i := range len(acc) / vecs {
		x := v.register()
		VBROADCASTSS(Mem{Base: a, Index: off, Scale: 4, Disp: 4 * i}, x)
		for j, r := range br {
			VFMADD231PS(r, x, acc[i*vecs+j])
		}
	}
	PREFETCHT1(Mem{Base: prefetch})
	PREFETCHT1(Mem{Base: prefetch, Disp: 64})
	ADDQ(ahead, prefetch)
	ADDQ(Imm(16), step)
	DECQ(k)
	JNZ(LabelRef("steps"))
}

// evenSteps is tabledSteps for steps that are bStep apart. It computes four at a time, each of
// which prefetches one cache line.
func evenSteps(v vectors, acc []reg.VecVirtual, b []reg.GPVirtual, prefetch, ahead reg.Register) {
	vecs, rows := len(b), len(acc)/len(b)
	a, k, s, s3 := param("a", false), param("k", false), param("bStep", true), GP64()
	LEAQ(Mem{Base: s, Index: s, Scale: 2}, s3)
	step := func(u int) {
		br := v.registers(vecs)
		for j, r := range br {
			VMOVUPS([]Mem{{Base: b[j]}, {Base: b[j], Index: s, Scale: 1}, {Base: b[j], Index: s, Scale: 2}, {Base: b[j], Index: s3, Scale: 1}}[u], r)
		}
		for i := range rows {
			x := v.register()
			VBROADCASTSS(Mem{Base: a, Disp: 4 * (u*rows + i)}, x)
			for j, r := range br {
				VFMADD231PS(r, x, acc[i*vecs+j])
			}
		}
	}
	SUBQ(Imm(unroll), k)
	JL(LabelRef("rest"))
	Label("steps")
	for u := range unroll {
		step(u)
		PREFETCHT1(Mem{Base: prefetch, Disp: 64 * u})
	}
	for _, r := range b {
		LEAQ(Mem{Base: r, Index: s, Scale: unroll}, r)
	}
	ADDQ(U32(uint32(4*unroll*rows)), a)
	LEAQ(Mem{Base: prefetch, Index: ahead, Scale: unroll}, prefetch)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("steps"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("added"))
	Label("step")
	step(0)
	for _, r := range b {
		ADDQ(s, r)
	}
	ADDQ(U32(uint32(4*rows)), a)
	DECQ(k)
	JNZ(LabelRef("step"))
	Label("added")
}

// evenStepsSingly computes one step at a time, for AVX2. Processors of AMD foresee what an
// instruction will load from the distance of its last loads, unless that is large: of four
// instructions that take turns, each would have four times the distance.
func evenStepsSingly(v vectors, acc []reg.VecVirtual, b []reg.GPVirtual, prefetch, ahead reg.Register) {
	vecs, rows := len(b), len(acc)/len(b)
	a, k, s, off := param("a", false), param("k", false), param("bStep", true), GP64()
	XORQ(off, off)
	Label("steps")
	br := v.registers(vecs)
	for j, r := range br {
		VMOVUPS(Mem{Base: b[j], Index: off, Scale: 1}, r)
	}
	for i := range rows {
		x := v.register()
		VBROADCASTSS(Mem{Base: a, Disp: 4 * i}, x)
		for j, r := range br {
			VFMADD231PS(r, x, acc[i*vecs+j])
		}
	}
	PREFETCHT1(Mem{Base: prefetch})
	ADDQ(ahead, prefetch)
	ADDQ(s, off)
	ADDQ(Imm(uint64(4*rows)), a)
	DECQ(k)
	JNZ(LabelRef("steps"))
}

// pointers returns where the vectors of a panel begin in a parameter.
func pointers(param string, at reg.Register, vecs, disp int) []reg.GPVirtual {
	base := Load(Param(param), GP64())
	p := make([]reg.GPVirtual, vecs)
	for j := range p {
		p[j] = GP64()
		MOVQ(Mem{Base: at, Disp: 16*j + disp}, p[j])
		LEAQ(Mem{Base: base, Index: p[j], Scale: 4}, p[j])
	}
	return p
}

// storeDirect writes the first n rows of a tile, added to what is there if add.
func storeDirect(v vectors, acc []reg.VecVirtual, rows int, c []reg.GPVirtual, n, cRow, mask reg.Register, add bool) {
	vecs := len(c)
	for i := range rows {
		for j := range vecs {
			r, m, mem := acc[i*vecs+j], maskOfLast(j, vecs, mask), Mem{Base: c[j]}
			if add {
				old := v.register()
				v.load(mem, m, old)
				VADDPS(old, r, r)
			}
			v.store(r, m, mem)
			ADDQ(cRow, c[j])
		}
		if i < rows-1 {
			CMPQ(n, Imm(uint64(i+1)))
			JE(LabelRef("next"))
		}
	}
}
