package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise is a function on slices of n elements: it computes out from in,
// with the same numbers for all elements, and may add something up.
type elementwise struct {
	name string
	in   []string // slices read
	out  string   // slice written, or "" for none; may also be one of in
	with []string // scalar parameters
	sums int      // sums returned, at most 2; they are added up over all elements
	max  bool     // the sum is a maximum instead
	// body returns the vector for out, or nil, and adds to the sums. The values
	// of in, with and sums come in the order of their names.
	body func(c *code, in, with, sums []reg.VecVirtual) reg.VecVirtual
}

// write writes the function. A loop over several vectors at a time, each with
// its own sums, keeps more than one addition under way; the last vector is
// masked, its missing elements being 0.
func (e elementwise) write(v vectors) {
	var params []string
	pointers := slices.Clone(e.in)
	if e.out != "" && !slices.Contains(e.in, e.out) {
		pointers = append(pointers, e.out)
	}
	params = append(params, strings.Join(pointers, ", ")+" *float32")
	if len(e.with) > 0 {
		params = append(params, strings.Join(e.with, ", ")+" float32")
	}
	result := ""
	for i := range e.sums {
		if i > 0 {
			result += ", "
		}
		result += fmt.Sprintf("sum%d float32", i)
	}
	if e.sums > 0 {
		result = " (" + result + ")"
	}
	TEXT(e.name+v.suffix, NOSPLIT, "func(n int, "+strings.Join(params, ", ")+")"+result)
	Pragma("noescape")

	c := newCode(v)
	n := Load(Param("n"), GP64())
	at := map[string]reg.Register{}
	for _, s := range pointers {
		at[s] = Load(Param(s), GP64())
	}
	with := make([]reg.VecVirtual, len(e.with))
	for i, s := range e.with {
		x := XMM()
		Load(Param(s), x)
		with[i] = c.register()
		VBROADCASTSS(x, with[i])
	}
	unroll := 1
	if e.sums > 0 {
		unroll = 4
	}
	sums := make([][]reg.VecVirtual, unroll)
	for u := range sums {
		sums[u] = c.registers(e.sums)
		for _, s := range sums[u] {
			if e.max {
				VMOVAPS(c.hold(math.Inf(-1)), s)
			} else {
				c.zero(s)
			}
		}
	}
	part := func(u int, mask reg.Register) {
		c.tail = mask
		in := c.registers(len(e.in))
		for i, s := range e.in {
			c.load(Mem{Base: at[s], Disp: u * c.bytes()}, mask, in[i])
		}
		if out := e.body(c, in, with, sums[u]); out != nil {
			c.store(out, mask, Mem{Base: at[e.out], Disp: u * c.bytes()})
		}
	}
	next := func(u int) {
		for _, s := range pointers {
			ADDQ(U32(u*c.bytes()), at[s])
		}
	}
	SUBQ(U32(unroll*c.lanes), n)
	JL(LabelRef("fewer"))
	Label("several")
	for u := range unroll {
		part(u, nil)
	}
	next(unroll)
	SUBQ(U32(unroll*c.lanes), n)
	JGE(LabelRef("several"))
	Label("fewer")
	ADDQ(U32(unroll*c.lanes), n)
	if unroll > 1 {
		Label("one")
		SUBQ(U32(c.lanes), n)
		JL(LabelRef("rest"))
		part(0, nil)
		next(1)
		JMP(LabelRef("one"))
		Label("rest")
		ADDQ(U32(c.lanes), n)
	} else {
		TESTQ(n, n)
	}
	JZ(LabelRef("end"))
	part(0, c.mask(n))
	Label("end")
	for i := range e.sums {
		fold := func(x, y, r reg.Register) { VADDPS(y, x, r) }
		if e.max {
			fold = func(x, y, r reg.Register) { VMAXPS(y, x, r) }
		}
		total := sums[0][i]
		for _, s := range sums[1:] {
			fold(total, s[i], total)
		}
		Store(c.foldLanes(total, fold).AsX(), ReturnIndex(i))
	}
	VZEROUPPER()
	RET()
}

// elementwises lists the functions, except for those of maths.go.
var elementwises = []elementwise{
	{name: "add", in: []string{"x", "y"}, out: "z", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual { return c.add(in[0], in[1]) }},
	{name: "sub", in: []string{"x", "y"}, out: "z", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual { return c.sub(in[0], in[1]) }},
	{name: "mul", in: []string{"x", "y"}, out: "z", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual { return c.mul(in[0], in[1]) }},
	{name: "div", in: []string{"x", "y"}, out: "z", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual { return c.div(in[0], in[1]) }},
	// The larger of two, NaN if either is NaN: all ones is a NaN.
	{name: "larger", in: []string{"x", "y"}, out: "z", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		return c.larger(in[0], in[1])
	}},
	// pooling's gradient: gx + left where x is the maximum, and left where it is not.
	{name: "addWhereMax", in: []string{"x", "most", "left", "gx"}, out: "gx", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		return c.add(in[3], c.masked(c.isMost(in[0], in[1]), in[2]))
	}},
	{name: "clearWhereMax", in: []string{"x", "most", "left"}, out: "left", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		return c.unmasked(c.isMost(in[0], in[1]), in[2])
	}},
	{name: "affine", in: []string{"x"}, out: "y", with: []string{"a", "b"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		r := c.copy(with[1])
		VFMADD231PS(with[0], in[0], r)
		return r
	}},
	{name: "relu", in: []string{"x"}, out: "y", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		return c.greatest(0, in[0])
	}},
	{name: "reluGrad", in: []string{"y", "gy"}, out: "gx", body: func(c *code, in, _, _ []reg.VecVirtual) reg.VecVirtual {
		zero := c.register()
		c.zero(zero)
		const greater = 0x1e // ordered, quiet
		if c.lanes == 16 {
			k := K()
			VCMPPS(U8(greater), zero, in[0], k)
			VMOVAPS_Z(in[1], k, zero)
			return zero
		}
		VCMPPS(U8(greater), zero, in[0], zero)
		VANDPS(in[1], zero, zero)
		return zero
	}},
	// Clamping keeps NaN: the instructions return their second operand then.
	{name: "clip", in: []string{"x"}, out: "y", with: []string{"lo", "hi"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		VMAXPS(in[0], with[0], in[0])
		VMINPS(in[0], with[1], in[0])
		return in[0]
	}},
	// and its gradient: gy where lo < y < hi.
	{name: "clipGrad", in: []string{"y", "gy"}, out: "gx", with: []string{"lo", "hi"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		return c.between(in[0], with[0], with[1], in[1])
	}},
	// quantisation: min(max(round(x/s), lo), hi) + z.
	{name: "quantize", in: []string{"x"}, out: "y", with: []string{"s", "lo", "hi", "z"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		r := c.round(c.div(in[0], with[0]))
		VMAXPS(r, with[1], r)
		VMINPS(r, with[2], r)
		return c.add(r, with[3])
	}},
	// and its gradient: gy/s where lo <= round(x/s) <= hi.
	{name: "quantizeGrad", in: []string{"x", "gy"}, out: "gx", with: []string{"s", "lo", "hi"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		return c.inside(c.round(c.div(in[0], with[0])), with[1], with[2], c.div(in[1], with[0]))
	}},
	{name: "sum", in: []string{"x"}, sums: 1, body: func(c *code, in, _, sums []reg.VecVirtual) reg.VecVirtual {
		VADDPS(in[0], sums[0], sums[0])
		return nil
	}},
	{name: "dot", in: []string{"x", "y"}, sums: 1, body: func(c *code, in, _, sums []reg.VecVirtual) reg.VecVirtual {
		VFMADD231PS(in[0], in[1], sums[0])
		return nil
	}},
	// softmax's gradient: gx = y·(gy - a).
	{name: "mulShifted", in: []string{"y", "gy"}, out: "gx", with: []string{"a"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		return c.mul(in[0], c.sub(in[1], with[0]))
	}},
	// layer normalisation: y = (x·a + b)·s + t.
	{name: "normalize", in: []string{"x", "s", "t"}, out: "y", with: []string{"a", "b"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		r := c.copy(with[1])
		VFMADD231PS(with[0], in[0], r)
		VFMADD213PS(in[2], in[1], r)
		return r
	}},
	// and its gradient: Σ gy·s and Σ gy·s·(x·a + b).
	{name: "normalizeSums", in: []string{"x", "s", "gy"}, with: []string{"a", "b"}, sums: 2, body: func(c *code, in, with, sums []reg.VecVirtual) reg.VecVirtual {
		h, g := c.copy(with[1]), c.mul(in[1], in[2])
		VFMADD231PS(with[0], in[0], h)
		VADDPS(g, sums[0], sums[0])
		VFMADD231PS(h, g, sums[1])
		return nil
	}},
	// gx = gy·s·a + x·b + c.
	{name: "normalizeGrad", in: []string{"x", "s", "gy"}, out: "gx", with: []string{"a", "b", "c"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		r := c.copy(with[2])
		VFMADD231PS(with[1], in[0], r)
		VFMADD231PS(c.mul(in[1], in[2]), with[0], r)
		return r
	}},
	// gs += gy·(x·a + b).
	{name: "addNormalized", in: []string{"x", "gy", "gs"}, out: "gs", with: []string{"a", "b"}, body: func(c *code, in, with, _ []reg.VecVirtual) reg.VecVirtual {
		h := c.copy(with[1])
		VFMADD231PS(with[0], in[0], h)
		VFMADD231PS(h, in[1], in[2])
		return in[2]
	}},
	// Σ (x - a)².
	{name: "squares", in: []string{"x"}, with: []string{"a"}, sums: 1, body: func(c *code, in, with, sums []reg.VecVirtual) reg.VecVirtual {
		d := c.clean(c.sub(in[0], with[0]), 0)
		VFMADD231PS(d, d, sums[0])
		return nil
	}},
	{name: "largest", in: []string{"x"}, sums: 1, max: true, body: func(c *code, in, _, sums []reg.VecVirtual) reg.VecVirtual {
		VMAXPS(c.clean(in[0], math.Inf(-1)), sums[0], sums[0])
		return nil
	}},
}
