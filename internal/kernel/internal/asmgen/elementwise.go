package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// elementwise is a function on slices.
type elementwise struct {
	formula.Elementwise[reg.VecVirtual]
}

// write writes the function. A loop over several vectors at a time, each with
// its own sums, keeps more than one addition under way; the last vector is
// masked, its missing elements being 0.
func (e elementwise) write(v vectors) {
	var params []string
	pointers := slices.Clone(e.In)
	if e.Out != "" && !slices.Contains(e.In, e.Out) {
		pointers = append(pointers, e.Out)
	}
	params = append(params, strings.Join(pointers, ", ")+" *float32")
	if len(e.With) > 0 {
		params = append(params, strings.Join(e.With, ", ")+" float32")
	}
	result := ""
	for i := range e.Sums {
		if i > 0 {
			result += ", "
		}
		result += fmt.Sprintf("sum%d float32", i)
	}
	if e.Sums > 0 {
		result = " (" + result + ")"
	}
	TEXT(e.Name+v.suffix, NOSPLIT, "func(n int, "+strings.Join(params, ", ")+")"+result)
	Pragma("noescape")

	c := newCode(v)
	n := Load(Param("n"), GP64())
	at := map[string]reg.Register{}
	for _, s := range pointers {
		at[s] = Load(Param(s), GP64())
	}
	with := make([]reg.VecVirtual, len(e.With))
	for i, s := range e.With {
		x := XMM()
		Load(Param(s), x)
		with[i] = c.register()
		VBROADCASTSS(x, with[i])
	}
	unroll := 1
	if e.Sums > 0 {
		unroll = 4
	}
	sums := make([][]reg.VecVirtual, unroll)
	for u := range sums {
		sums[u] = c.registers(e.Sums)
		for _, s := range sums[u] {
			if e.Max {
				VMOVAPS(c.Hold(math.Inf(-1)), s)
			} else {
				c.zero(s)
			}
		}
	}
	part := func(u int, mask reg.Register) {
		c.tail = mask
		in := c.registers(len(e.In))
		for i, s := range e.In {
			c.load(Mem{Base: at[s], Disp: u * c.bytes()}, mask, in[i])
		}
		if out := e.Body(c, in, with, sums[u]); e.Out != "" {
			c.store(out, mask, Mem{Base: at[e.Out], Disp: u * c.bytes()})
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
	for i := range e.Sums {
		fold := func(x, y, r reg.Register) { VADDPS(y, x, r) }
		if e.Max {
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
