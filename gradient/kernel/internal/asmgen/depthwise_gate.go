package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gate is what kernels that compute gradients by inputs do when they store a row:
// unless the parameter gate is nil, they let through only elements where
// lo < gate < hi, gate having the layout of y. On the way they fetch what they will
// write, and read of gate, so many elements further on.
type gate struct {
	vectors
	given, lo, hi Mem           // parameters
	to            reg.GPVirtual // from y to gate, in bytes
	labels        int
}

const gateParams = ", gate *float32, lo, hi float32, ahead int"

// newGate loads the parameters. It belongs before what moves on in y.
func (v vectors) newGate() *gate {
	g := &gate{vectors: v, given: paramAt("gate"), lo: paramAt("lo"), hi: paramAt("hi")}
	g.to = param("gate", false)
	y := param("y", false)
	TESTQ(g.to, g.to)
	CMOVQEQ(y, g.to)
	SUBQ(y, g.to)
	return g
}

// paramAt returns where a parameter is.
func paramAt(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// fetch fetches ahead for so many bytes at y.
func (g *gate) fetch(y reg.GPVirtual, bytes int) {
	ahead := param("ahead", false)
	LEAQ(Mem{Base: y, Index: ahead, Scale: 4}, ahead)
	for at := 0; at < bytes; at += 64 {
		PREFETCHT0(Mem{Base: ahead, Disp: at})
		PREFETCHT0(Mem{Base: ahead, Index: g.to, Scale: 1, Disp: at})
	}
}

// store stores neighbouring vectors at y, of which mask returns the masks.
func (g *gate) store(v []reg.VecVirtual, y reg.GPVirtual, mask func(i int) reg.Register) {
	g.fetch(y, len(v)*g.bytes())
	g.labels++
	open := fmt.Sprintf("open%d", g.labels)
	CMPQ(g.given, Imm(0))
	JE(LabelRef(open))
	c := code{vectors: g.vectors}
	for i, v := range v {
		x, lo, hi := g.register(), g.register(), g.register()
		g.load(Mem{Base: y, Index: g.to, Scale: 1, Disp: i * g.bytes()}, mask(i), x)
		VBROADCASTSS(g.lo, lo)
		VBROADCASTSS(g.hi, hi)
		c.between(x, lo, hi, v)
	}
	Label(open)
	for i, v := range v {
		g.vectors.store(v, mask(i), Mem{Base: y, Disp: i * g.bytes()})
	}
}
