package main

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// softmax writes a function that computes the softmax of rows of n elements, one after another
// in memory, times scale. Each is read three times, from cache.
func softmax() {
	c := newCode(newKernel("softmaxNEON", "func(rows, n int, x, y *float32, scale float32)"))
	x, y, rows, n, scale := c.Param("x"), c.Param("y"), c.Param("rows"), c.Param("n"), c.scalar("scale")
	whole, left := c.R(), c.R() // vectors, elements then
	c.I("LSR $2, %ir, %or", n, whole)
	c.I("AND $%d, %ir, %or", lanes-1, n, left)
	mask := c.mask(left)

	// pass calls f for each vector of a row: it gets one vector and returns another, or the same.
	// The last pass advances x and y to the next row.
	pass := func(name string, from a64.Reg, last bool, f func(v a64.Reg) a64.Reg) {
		in, out, count := from, y, c.Copy(whole)
		if !last {
			out = c.Copy(y)
			if from == y {
				in = out
			} else {
				in = c.Copy(from)
			}
		}
		// advance reads a vector, or the rest, and writes it.
		step := func(load, store func(v a64.Reg)) {
			v := c.V()
			load(v)
			store(f(v))
		}
		c.tail = a64.Reg{}
		c.Jump("CBZ", name+"Rest", count)
		c.Label(name)
		step(func(v a64.Reg) {
			if in == out {
				c.I("FMOVQ (%ir), %of", in, v)
			} else {
				c.I("FMOVQ.P %d(%mr), %of", vectorBytes, in, v)
			}
		}, func(v a64.Reg) { c.I("FMOVQ.P %if, %d(%mr)", v, vectorBytes, out) })
		c.I("SUBS $1, %mr", count)
		c.Jump("BNE", name)
		c.Label(name + "Rest")
		c.Jump("CBZ", name+"End", left)
		c.tail = mask
		step(func(v a64.Reg) { c.tailOf(left, in, v, true) }, func(v a64.Reg) { c.tailOf(left, out, v, false) })
		if last {
			c.I("ADD %ir<<2, %mr", left, out)
		}
		c.Label(name + "End")
	}

	c.Label("row")
	top := c.Hold(math.Inf(-1))
	pass("largest", x, false, func(v a64.Reg) a64.Reg {
		t := c.Mul(v, scale)
		c.LargestTo(top, c.Clean(t, math.Inf(-1)))
		return t
	})
	c.foldLanes(&a64.FMAXP, top)
	all, sum := c.broadcast(top), c.V()
	c.Zero(sum)
	pass("exp", y, false, func(v a64.Reg) a64.Reg {
		e := formula.Exp[a64.Reg](c, c.Sub(v, all))
		c.AddTo(sum, c.Clean(e, 0))
		return e
	})
	c.foldLanes(&a64.FADDP, sum)
	factor := c.Div(c.Hold(1.0), c.broadcast(sum))
	pass("scale", y, true, func(v a64.Reg) a64.Reg { return c.Mul(v, factor) })
	c.I("ADD %ir<<2, %mr", n, x)
	c.I("SUBS $1, %mr", rows)
	c.Jump("BNE", "row")
	c.Ret()
}
