package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gate is what kernels do when they store a row. If the parameter gate is nil, they clamp
// elements to [lo, hi]. Otherwise they store elements where lo < gate < hi and 0 elsewhere;
// gate has the layout of y. On the way they prefetch what they will write, and read of gate.
type gate struct {
	vectors
	given, lo, hi Mem           // parameters
	to            reg.GPVirtual // from y to gate, in bytes
	labels        int
}

const gateParams = ", gate *float32, lo, hi float32, ahead int"

// newGate loads the parameters. It must come before code that advances y.
func (v vectors) newGate() *gate {
	g := &gate{vectors: v, given: paramAt("gate"), lo: paramAt("lo"), hi: paramAt("hi")}
	g.to = param("gate", false)
	SUBQ(param("y", false), g.to)
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

// fetch prefetches the given number of bytes ahead of y, and returns that address.
func (g *gate) fetch(y reg.GPVirtual, bytes int) (ahead reg.GPVirtual) {
	ahead = param("ahead", false)
	LEAQ(Mem{Base: y, Index: ahead, Scale: 4}, ahead)
	for at := 0; at < bytes; at += 64 {
		PREFETCHT0(Mem{Base: ahead, Disp: at})
	}
	return ahead
}

// store stores neighbouring vectors at y, of which mask returns the masks.
func (g *gate) store(v []reg.VecVirtual, y reg.GPVirtual, mask func(i int) reg.Register) {
	bytes := len(v) * g.bytes()
	ahead := g.fetch(y, bytes)
	g.labels++
	limit, ready := fmt.Sprintf("limit%d", g.labels), fmt.Sprintf("ready%d", g.labels)
	CMPQ(g.given, Imm(0))
	JE(LabelRef(limit))
	for at := 0; at < bytes; at += 64 {
		PREFETCHT0(Mem{Base: ahead, Index: g.to, Scale: 1, Disp: at})
	}
	c := code{vectors: g.vectors}
	for i, v := range v {
		x, lo, hi := g.register(), g.register(), g.register()
		g.load(Mem{Base: y, Index: g.to, Scale: 1, Disp: i * g.bytes()}, mask(i), x)
		VBROADCASTSS(g.lo, lo)
		VBROADCASTSS(g.hi, hi)
		c.Between(x, lo, hi, v)
	}
	JMP(LabelRef(ready))
	Label(limit)
	g.limit(v)
	Label(ready)
	for i, v := range v {
		g.vectors.store(v, mask(i), Mem{Base: y, Disp: i * g.bytes()})
	}
}

// limit clamps vectors; NaN stays NaN.
func (g *gate) limit(v []reg.VecVirtual) {
	lo, hi := g.register(), g.register()
	VBROADCASTSS(g.lo, lo)
	VBROADCASTSS(g.hi, hi)
	for _, v := range v {
		VMAXPS(v, lo, v)
		VMINPS(v, hi, v)
	}
}
