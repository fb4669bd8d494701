package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneSum is what the products of Winograd's convolutions with tiles in the lanes
// have in common: rows channels of the result by vecs vectors.
type laneSum struct {
	vectors
	rows, vecs          int
	acc                 []reg.VecVirtual
	uStep, vStep, vNext reg.GPVirtual
	prefetch            [3]reg.GPVirtual
}

// laneSumParams are the parameters of all: the weights and their distance from step
// to step, that of the other operand from step to step and from vector to vector, and
// what to prefetch, of which every two steps take so many elements.
const laneSumParams = "uStep, vStep, vNext int, prefetch0, prefetch1, prefetch2 *float32, rate0, rate1, rate2 int"

func (v vectors) newLaneSum(vecs int) *laneSum {
	rows, _ := v.directShape()
	s := &laneSum{vectors: v, rows: rows, vecs: vecs, uStep: param("uStep", true), vStep: param("vStep", true), vNext: param("vNext", true)}
	for i := range s.prefetch {
		s.prefetch[i] = param(fmt.Sprintf("prefetch%d", i), false)
	}
	s.acc = s.registers(rows * vecs)
	return s
}

func (s *laneSum) clear() {
	for _, r := range s.acc {
		s.zero(r)
	}
}

// steps adds the products of as many steps as the parameter k says. It moves u and b
// on.
func (s *laneSum) steps(u, b reg.GPVirtual) {
	k := param("k", false)
	SUBQ(Imm(2), k)
	JL(LabelRef("odd"))
	Label("steps")
	s.step(u, b)
	for i, p := range s.prefetch {
		PREFETCHT1(Mem{Base: p})
		rate, err := Param(fmt.Sprintf("rate%d", i)).Resolve()
		if err != nil {
			panic(err)
		}
		ADDQ(rate.Addr, p)
	}
	s.step(u, b)
	SUBQ(Imm(2), k)
	JGE(LabelRef("steps"))
	Label("odd")
	CMPQ(k, I8(-2))
	JE(LabelRef("summed"))
	s.step(u, b)
	Label("summed")
}

func (s *laneSum) step(u, b reg.GPVirtual) {
	x := s.registers(s.vecs)
	for j, r := range x {
		VMOVUPS(nextVector(b, s.vNext, j, 0), r)
	}
	for i := range s.rows {
		w := s.register()
		VBROADCASTSS(Mem{Base: u, Disp: 4 * i}, w)
		for j, r := range x {
			VFMADD231PS(r, w, s.acc[i*s.vecs+j])
		}
	}
	ADDQ(s.uStep, u)
	ADDQ(s.vStep, b)
}

// nextVector is vector j < 3 of those that are next bytes apart.
func nextVector(base, next reg.Register, j, disp int) Mem {
	if j == 0 {
		return Mem{Base: base, Disp: disp}
	}
	return Mem{Base: base, Index: next, Scale: uint8(j), Disp: disp}
}

// laneProducts writes a kernel for F(2×2, 3×3) and the weights of F(4×4, 3×3): for n
// blocks of channels, a sum of k steps, which is added to p if add.
func (v vectors) laneProducts(vecs int) {
	TEXT(fmt.Sprintf("laneProducts%d%s", vecs, v.suffix), NOSPLIT,
		"func(n, k int, u *float32, uBlock int, v, p *float32, pStep, add int, "+laneSumParams+")")
	Pragma("noescape")
	blocks, u0 := local("n"), local("u")
	s := v.newLaneSum(vecs)
	p, pStep := param("p", false), param("pStep", true)

	Label("block")
	s.clear()
	u, b := GP64(), param("v", false)
	MOVQ(u0, u)
	s.steps(u, b)
	to := GP64()
	MOVQ(p, to)
	CMPQ(param("add", false), Imm(0))
	JE(LabelRef("store"))
	for i := range s.rows {
		for j := range vecs {
			VADDPS(Mem{Base: p, Disp: v.bytes() * j}, s.acc[i*vecs+j], s.acc[i*vecs+j])
		}
		ADDQ(pStep, p)
	}
	MOVQ(to, p)
	Label("store")
	for i := range s.rows {
		for j := range vecs {
			VMOVUPS(s.acc[i*vecs+j], Mem{Base: p, Disp: v.bytes() * j})
		}
		ADDQ(pStep, p)
	}
	ADDQ(param("uBlock", true), u0)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// laneRows writes a kernel for F(2, 3): for each of four places in a tile, a sum of k
// steps for each of three rows of the source, and then the outputs.
func (v vectors) laneRows(vecs int) {
	TEXT(fmt.Sprintf("laneRows%d%s", vecs, v.suffix), NOSPLIT,
		"func(n, k int, u, v *float32, vRow, vPlane int, p, bias, y *float32, yStep, yNext, yLanes int, "+laneSumParams+")")
	Pragma("noescape")
	s := v.newLaneSum(vecs)
	u, tiles, p := param("u", false), param("v", false), param("p", false)
	place, rows := AllocLocal(8), AllocLocal(8)
	MOVQ(U32(0), place)

	Label("place")
	CMPQ(place, Imm(1))
	JNE(LabelRef("zero"))
	bias := param("bias", false) // what is in place 1 goes into both outputs
	for i := range s.rows {
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, s.acc[i*vecs])
		for j := 1; j < vecs; j++ {
			VMOVAPS(s.acc[i*vecs], s.acc[i*vecs+j])
		}
	}
	JMP(LabelRef("begun"))
	Label("zero")
	s.clear()
	Label("begun")
	from := GP64()
	MOVQ(tiles, from)
	MOVQ(U32(3), rows)

	Label("row")
	b := GP64()
	MOVQ(from, b)
	s.steps(u, b)
	ADDQ(param("vRow", true), from)
	DECQ(rows)
	JNZ(LabelRef("row"))
	CMPQ(place, Imm(3))
	JE(LabelRef("outputs"))
	for i, r := range s.acc {
		VMOVUPS(r, Mem{Base: p, Disp: v.bytes() * i})
	}
	ADDQ(U32(v.bytes()*len(s.acc)), p)
	ADDQ(param("vPlane", true), tiles)
	INCQ(place)
	JMP(LabelRef("place"))

	Label("outputs")
	s.outputs(p)
	VZEROUPPER()
	RET()
}

// outputs writes n channels of what the sums of four places give, the last of which
// are in registers and the others before p.
func (s *laneSum) outputs(p reg.Register) {
	indices := s.interleaving()
	bits := GP64() // of the outputs of a vector of tiles that are stored
	MOVQ(I32(-1), bits)
	SHLXQ(param("yLanes", false), bits, bits)
	NOTQ(bits)
	halves := [2]reg.GPVirtual{bits, GP64()}
	MOVQ(bits, halves[1])
	SHRQ(U8(s.lanes), halves[1])
	masks := [2]reg.Register{s.maskOfBits(halves[0]), s.maskOfBits(halves[1])}
	y, yStep, yNext, n := param("y", false), param("yStep", true), param("yNext", true), param("n", false)
	for i := range s.rows {
		for j := range s.vecs {
			before := func(place int) Mem {
				return Mem{Base: p, Disp: s.bytes() * (i*s.vecs + j - (3-place)*len(s.acc))}
			}
			even, m2, odd := s.register(), s.register(), s.acc[i*s.vecs+j]
			VMOVUPS(before(1), even)
			VMOVUPS(before(2), m2)
			VADDPS(m2, odd, odd)
			VSUBPS(odd, even, odd)
			VADDPS(m2, even, even)
			VADDPS(before(0), even, even)
			lo, hi := s.interleave(indices, []reg.VecVirtual{even, odd})
			for half, r := range []reg.VecVirtual{lo, hi} {
				s.store(r, masks[half], nextVector(y, yNext, j, s.bytes()*half))
			}
		}
		if i < s.rows-1 {
			CMPQ(n, Imm(uint64(i+1)))
			JE(LabelRef("done"))
			ADDQ(yStep, y)
		}
	}
	Label("done")
}

// interleaving loads the indices with which AVX-512 interleaves the elements of two vectors:
// those of the first vector of these, and of the second.
func (v vectors) interleaving() []reg.VecVirtual {
	if v.lanes == 8 {
		return nil
	}
	t := GP64()
	LEAQ(interleaveTable, t)
	indices := v.registers(2)
	for i, r := range indices {
		VMOVUPS(Mem{Base: t, Disp: 64 * i}, r)
	}
	return indices
}
