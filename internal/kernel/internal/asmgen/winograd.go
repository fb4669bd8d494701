package main

import (
	"fmt"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The transforms of Winograd's convolutions F(4×4, 3×3), with the interpolation
// points 0, ±a, ±b and ∞, and F(2×2, 3×3), with 0, ±1 and ∞; package winograd says
// in transform.go what they are for. Each is a small matrix L applied
// as L·x·Lᵀ to n×n vectors, giving m×m.
type linear struct {
	name   string
	n, m   int
	groups []group
	bias   bool // add a vector to every result
}

// group is a part of the rows of L with what they share. So many accumulators
// of the vertical pass stay in registers at a time.
type group struct {
	rows []int
	in   []int // the inputs that the rows use
	// apply returns the rows of L·x; x holds the inputs, which must survive.
	apply func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual
}

const (
	pointA, pointB = 0.75, 1.5
	a2, b2         = pointA * pointA, pointB * pointB
	scaleA         = 1 / (2 * a2 * (a2 - b2)) // of row ±a of G
	scaleB         = 1 / (2 * b2 * (b2 - a2))
)

// transforms lists them all.
var transforms = []linear{
	{name: "Input", n: 6, m: 6, groups: []group{
		{[]int{0}, []int{0, 2, 4}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			return regs(w.Fma(w.Fma(w.Copy(x[4]), -(a2+b2), x[2]), a2*b2, x[0]))
		}},
		{[]int{1, 2}, []int{1, 2, 3, 4}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Copy(x[4]), -b2, x[2]), w.Fma(w.Copy(x[3]), -b2, x[1])
			return regs(w.Fma(w.Copy(even), pointA, odd), w.Fma(even, -pointA, odd))
		}},
		{[]int{3, 4}, []int{1, 2, 3, 4}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Copy(x[4]), -a2, x[2]), w.Fma(w.Copy(x[3]), -a2, x[1])
			return regs(w.Fma(w.Copy(even), pointB, odd), w.Fma(even, -pointB, odd))
		}},
		{[]int{5}, []int{1, 3, 5}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			return regs(w.Fma(w.Fma(w.Copy(x[5]), -(a2+b2), x[3]), a2*b2, x[1]))
		}},
	}},
	{name: "Output", n: 6, m: 4, bias: true, groups: []group{
		{[]int{0, 2}, []int{0, 1, 2, 3, 4}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			sa, sb := w.Add(x[1], x[2]), w.Add(x[3], x[4])
			y0 := w.Add(x[0], sa)
			return regs(w.Add(y0, sb), w.Fma(w.Times(a2, sa), b2, sb))
		}},
		{[]int{1, 3}, []int{1, 2, 3, 4, 5}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			da, db := w.Sub(x[1], x[2]), w.Sub(x[3], x[4])
			return regs(w.Fma(w.Times(pointA, da), pointB, db), w.Fma(w.Fma(w.Copy(x[5]), a2*pointA, da), b2*pointB, db))
		}},
	}},
	{name: "OutputGrad", n: 4, m: 6, groups: []group{
		{[]int{0, 1, 2}, []int{0, 1, 2, 3}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Copy(x[0]), a2, x[2]), w.Fma(w.Times(pointA, x[1]), a2*pointA, x[3])
			return regs(w.Copy(x[0]), w.Add(even, odd), w.Sub(even, odd))
		}},
		{[]int{3, 4, 5}, []int{0, 1, 2, 3}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Copy(x[0]), b2, x[2]), w.Fma(w.Times(pointB, x[1]), b2*pointB, x[3])
			return regs(w.Add(even, odd), w.Sub(even, odd), w.Copy(x[3]))
		}},
	}},
	{name: "Weight", n: 3, m: 6, groups: []group{
		{[]int{0, 1, 2}, []int{0, 1, 2}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Times(scaleA, x[0]), a2*scaleA, x[2]), w.Times(pointA*scaleA, x[1])
			return regs(w.Times(1/(a2*b2), x[0]), w.Add(even, odd), w.Sub(even, odd))
		}},
		{[]int{3, 4, 5}, []int{0, 1, 2}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Fma(w.Times(scaleB, x[0]), b2*scaleB, x[2]), w.Times(pointB*scaleB, x[1])
			return regs(w.Add(even, odd), w.Sub(even, odd), w.Copy(x[2]))
		}},
	}},
	{name: "WeightGrad", n: 6, m: 3, groups: []group{
		{[]int{0, 2}, []int{0, 1, 2, 3, 4, 5}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			sa, sb := w.Add(x[1], x[2]), w.Add(x[3], x[4])
			y0 := w.Fma(w.Fma(w.Times(1/(a2*b2), x[0]), scaleA, sa), scaleB, sb)
			return regs(y0, w.Fma(w.Fma(w.Copy(x[5]), a2*scaleA, sa), b2*scaleB, sb))
		}},
		{[]int{1}, []int{1, 2, 3, 4}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			da, db := w.Sub(x[1], x[2]), w.Sub(x[3], x[4])
			return regs(w.Fma(w.Times(pointA*scaleA, da), pointB*scaleB, db))
		}},
	}},
	{name: "Input2", n: 4, m: 4, groups: []group{
		{[]int{0}, []int{0, 2}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual { return regs(w.Sub(x[0], x[2])) }},
		{[]int{1, 2}, []int{1, 2}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			return regs(w.Add(x[1], x[2]), w.Sub(x[2], x[1]))
		}},
		{[]int{3}, []int{1, 3}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual { return regs(w.Sub(x[1], x[3])) }},
	}},
	{name: "Output2", n: 4, m: 2, bias: true, groups: []group{
		{[]int{0, 1}, []int{0, 1, 2, 3}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			return regs(w.Add(w.Add(x[0], x[1]), x[2]), w.Sub(w.Sub(x[1], x[2]), x[3]))
		}},
	}},
	{name: "Weight2", n: 3, m: 4, groups: []group{
		{[]int{0, 1, 2, 3}, []int{0, 1, 2}, func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
			even, odd := w.Times(0.5, w.Add(x[0], x[2])), w.Times(0.5, x[1])
			return regs(w.Copy(x[0]), w.Add(even, odd), w.Sub(even, odd), w.Copy(x[2]))
		}},
	}},
}

func regs(r ...reg.VecVirtual) []reg.VecVirtual { return r }

// winograd writes the instructions of one transform.
type winograd struct{ *code }

// transform writes the function that applies l to blocks of channels of tiles:
// element (i, j) of a block is a vector at src[i*si+j*sj], its result at
// dst[i*di+j*dj]; the other arguments are the distances between blocks of one
// tile and between tiles.
func transform(v vectors, l linear) {
	bias := ""
	if l.bias {
		bias = ", bias *float32"
	}
	TEXT(fmt.Sprintf("winograd%s%s", l.name, v.suffix), NOSPLIT,
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
	if l.bias {
		biasAt = Load(Param("bias"), GP64())
	}
	Label("block")
	for _, g := range w.merge(l) {
		w.group(l, g, s, d, si, sj, dj, biasAt)
	}
	step := bytes("srcBlock")
	ADDQ(step, s)
	step = bytes("dstBlock")
	ADDQ(step, d)
	if l.bias {
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

// merge joins groups as far as the registers allow: three rows of six columns
// with AVX-512, two with AVX2. Inputs that groups share are then loaded once.
func (w *winograd) merge(l linear) (merged []group) {
	most := 18
	if w.lanes == 8 {
		most = 12
	}
	for _, g := range l.groups {
		last := len(merged) - 1
		if last < 0 || (len(merged[last].rows)+len(g.rows))*l.n > most {
			merged = append(merged, g)
			continue
		}
		first := merged[last]
		merged[last] = group{
			rows: slices.Concat(first.rows, g.rows),
			in:   slices.Compact(slices.Sorted(slices.Values(slices.Concat(first.in, g.in)))),
			apply: func(w *winograd, x []reg.VecVirtual) []reg.VecVirtual {
				return append(first.apply(w, x), g.apply(w, x)...)
			},
		}
	}
	return merged
}

// group computes some rows: vertically for each column, then horizontally.
func (w *winograd) group(l linear, g group, s, d, si, sj, dj, bias reg.Register) {
	low, high := GP64(), GP64() // rows 0 and 3 of the current column
	MOVQ(s, low)
	LEAQ(Mem{Base: s, Index: si, Scale: 2}, high)
	ADDQ(si, high)
	rows := make([][]reg.VecVirtual, len(g.rows))
	for j := range l.n {
		x := make([]reg.VecVirtual, l.n)
		for _, i := range g.in {
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
		for r, y := range g.apply(w, x) {
			rows[r] = append(rows[r], y)
		}
		if j < l.n-1 {
			ADDQ(sj, low)
			ADDQ(sj, high)
		}
	}
	for r, x := range rows {
		to := Load(Param("di"), GP64())
		IMUL3Q(Imm(uint64(4*g.rows[r])), to, to)
		ADDQ(d, to)
		out := make([]reg.VecVirtual, l.m)
		for _, h := range l.groups {
			for i, y := range h.apply(w, x) {
				out[h.rows[i]] = y
			}
		}
		for j, y := range out {
			if l.bias {
				VADDPS(Mem{Base: bias}, y, y)
			}
			VMOVUPS(y, Mem{Base: to})
			if j < l.m-1 {
				ADDQ(dj, to)
			}
		}
	}
}
