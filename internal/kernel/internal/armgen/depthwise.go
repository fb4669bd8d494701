package main

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// depthwise writes the kernels of convolutions of each channel with a kernel of its own, of
// size 3 or 5 and with stride 1 or 2, for a plane in a frame of zeros. Lanes are neighbouring
// positions of a row.
func depthwise() {
	for _, size := range []int{3, 5} {
		for stride := 1; stride <= 2; stride++ {
			d := framed{size, stride}
			d.forward()
			d.weight()
		}
	}
}

type framed struct{ size, stride int }

// forward writes a kernel that computes rows of n ≥ lanes elements, which lie one after
// another in y, from x, whose rows are line apart. w has the elements of the kernel, padded to
// whole vectors.
func (d framed) forward() {
	k := newKernel(fmt.Sprintf("framedForward%dx%dNEON", d.stride, d.size), "func(rows, n int, x *float32, line int, w, y *float32, bias float32)")
	x, line, y, n := k.Param("x"), k.Bytes("line"), k.Param("y"), k.Bytes("n")
	down := line // from a row of y to the next, in x
	if d.stride == 2 {
		down = k.R()
		k.I("LSL $1, %ir, %or", line, down)
	}
	weights := k.Vs((d.size*d.size + lanes - 1) / lanes)
	k.load(whole, k.Param("w"), a64.Reg{}, weights)
	bias := k.scalar("bias")
	k.overlapped(func(at a64.Reg) {
		row := k.element(x, at, 1+d.stride)
		sum, other := k.Copy(bias), k.V() // two sums, as each addition waits for the one before
		k.Zero(other)
		for i := range d.size {
			d.row(k, row, func(j int, v a64.Reg) {
				tap := i*d.size + j
				k.WN(&a64.FMLALane, tap%lanes, sum, v, weights[tap/lanes])
				sum, other = other, sum
			})
			if i < d.size-1 {
				k.I("ADD %ir, %mr", line, row)
			}
		}
		k.W(&a64.FADD, sum, sum, other)
		k.I("FMOVQ %if, (%ir)", sum, k.element(y, at, 2))
	}, func() {
		k.I("ADD %ir, %mr", down, x)
		k.I("ADD %ir, %mr", n, y)
	})
}

// row calls f with what each column of the kernel reads from a row of x on.
func (d framed) row(k kernel, x a64.Reg, f func(j int, v a64.Reg)) {
	if d.stride == 1 {
		for j := range d.size {
			v := k.V()
			k.I("FMOVQ %d(%ir), %of", 4*j, x, v)
			f(j, v)
		}
		return
	}
	for j := 0; j < d.size; j += 2 {
		lo, hi, v := k.V(), k.V(), k.V()
		k.I("FMOVQ %d(%ir), %of", 4*j, x, lo)
		k.I("FMOVQ %d(%ir), %of", 4*j+vectorBytes, x, hi)
		k.I("VUZP1 %iv.S4, %iv.S4, %ov.S4", hi, lo, v)
		f(j, v)
		if j+1 < d.size {
			v := k.V()
			k.I("VUZP2 %iv.S4, %iv.S4, %ov.S4", hi, lo, v)
			f(j+1, v)
		}
	}
}

// weight writes a kernel that adds products of x and gy to vectors of sums, one for each
// element of the kernel. A row of gy has a number of whole vectors, which lie one after
// another; beyond the end of the row they hold zeros.
func (d framed) weight() {
	k := newKernel(fmt.Sprintf("framedWeight%dx%dNEON", d.stride, d.size), "func(rows, vectors int, x *float32, line int, gy, sums *float32)")
	rows, x, line, gy, sums := k.Param("rows"), k.Param("x"), k.Bytes("line"), k.Param("gy"), k.Param("sums")
	acc := k.Vs(d.size * d.size)
	k.load(whole, sums, a64.Reg{}, acc)
	k.Label("row")
	from, left := k.Copy(x), k.Param("vectors")
	k.Label("vector")
	g, row := k.V(), k.Copy(from)
	k.I("FMOVQ.P %d(%mr), %of", vectorBytes, gy, g)
	for i := range d.size {
		d.row(k, row, func(j int, v a64.Reg) {
			k.I("VFMLA %iv.S4, %iv.S4, %mv.S4", g, v, acc[i*d.size+j])
		})
		if i < d.size-1 {
			k.I("ADD %ir, %mr", line, row)
		}
	}
	k.Advance(from, d.stride*vectorBytes)
	k.I("SUBS $1, %mr", left)
	k.Jump("BNE", "vector")
	for range d.stride {
		k.I("ADD %ir, %mr", line, x)
	}
	k.I("SUBS $1, %mr", rows)
	k.Jump("BNE", "row")
	k.store(whole, acc, sums, a64.Reg{})
	k.Ret()
}
