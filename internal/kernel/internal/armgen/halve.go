package main

import (
	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// halves writes the kernels of pooling with windows of 2×2 side by side: the maximum, and its
// gradient. They take rows of at least one vector of outputs. NaN counts as the maximum of a
// window.
func halves() {
	c := &code{kernel: newKernel("halveMaxNEON", "func(rows, n int, x *float32, line int, y *float32)")}
	x, line, y, n := c.Param("x"), c.Bytes("line"), c.Param("y"), c.Bytes("n")
	c.overlapped(func(at a64.Reg) {
		_, most := c.window(x, line, at)
		c.I("FMOVQ %if, (%ir)", most, c.element(y, at, 2))
	}, func() {
		c.I("ADD %ir<<1, %mr", line, x)
		c.I("ADD %ir, %mr", n, y)
	})

	c = &code{kernel: newKernel("halveMaxGradNEON", "func(rows, n int, x *float32, line int, gy, gx *float32)")}
	x, line, n = c.Param("x"), c.Bytes("line"), c.Bytes("n")
	gy, gx := c.Param("gy"), c.Param("gx")
	c.overlapped(func(at a64.Reg) {
		w, most := c.window(x, line, at)
		g := c.V()
		c.I("FMOVQ (%ir), %of", c.element(gy, at, 2), g)
		for i, v := range w[:3] {
			is := c.isMost(v, most)
			w[i] = c.bits("VAND", is, g)
			g = c.three(&a64.BIC, g, is) // what is left for the others
		}
		top, bottom := c.element(gx, at, 3), c.R()
		c.I("ADD %ir, %ir, %or", line, top, bottom)
		c.storeAlternating(w[0], w[1], top)
		c.storeAlternating(w[2], g, bottom)
	}, func() {
		c.I("ADD %ir<<1, %mr", line, x)
		c.I("ADD %ir<<1, %mr", line, gx)
		c.I("ADD %ir, %mr", n, gy)
	})
}

// window loads the elements of a vector of windows in row-major order, and returns them with
// their maxima.
func (c *code) window(x, line, at a64.Reg) (w [4]a64.Reg, most a64.Reg) {
	row := c.element(x, at, 3)
	for i := range 2 {
		lo, hi := c.V(), c.V()
		c.I("FLDPQ (%ir), (%of, %of)", row, lo, hi)
		w[2*i], w[2*i+1] = c.V(), c.V()
		c.I("VUZP1 %iv.S4, %iv.S4, %ov.S4", hi, lo, w[2*i])
		c.I("VUZP2 %iv.S4, %iv.S4, %ov.S4", hi, lo, w[2*i+1])
		if i == 0 {
			c.I("ADD %ir, %mr", line, row)
		}
	}
	return w, c.Larger(c.Larger(w[0], w[1]), c.Larger(w[2], w[3]))
}
