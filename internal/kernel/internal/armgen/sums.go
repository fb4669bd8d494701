package main

import (
	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// sumEach writes a kernel that sums each of n adjacent slices of size elements: four at a time,
// so that four additions are under way, then one at a time, with the same result. Neither n nor
// size is 0.
func sumEach() {
	k := newKernel("sumEachNEON", "func(n, size int, x, to *float32)")
	n, x, to, size := k.Param("n"), k.Param("x"), k.Param("to"), k.Param("size")
	step, whole, left := k.R(), k.R(), k.R()
	k.I("LSL $2, %ir, %or", size, step)
	k.I("LSR $2, %ir, %or", size, whole)
	k.I("AND $%d, %ir, %or", lanes-1, size, left)

	k.Label("four")
	k.I("CMP $4, %ir", n)
	k.Jump("BLT", "rest")
	sums := k.sumSlices("Four", 4, x, step, whole, left)
	k.foldFour(sums)
	k.I("FMOVQ.P %if, %d(%mr)", sums[0], vectorBytes, to)
	k.I("ADD %ir<<2, %mr", step, x)
	k.I("SUB $4, %mr", n)
	k.Jump("B", "four")

	k.Label("rest")
	k.Jump("CBZ", "end", n)
	sums = k.sumSlices("One", 1, x, step, whole, left)
	k.foldLanes(&a64.FADDP, sums[0])
	k.I("FMOVS.P %if, 4(%mr)", sums[0], to)
	k.I("ADD %ir, %mr", step, x)
	k.I("SUB $1, %mr", n)
	k.Jump("B", "rest")
	k.Label("end")
	k.Ret()
}

// sumSlices adds up the vectors of slices that are step bytes apart.
func (k kernel) sumSlices(name string, slices int, x, step, whole, left a64.Reg) []a64.Reg {
	at, sums, count := []a64.Reg{k.Copy(x)}, k.Vs(slices), k.Copy(whole)
	for i, s := range sums {
		k.Zero(s)
		if i > 0 {
			r := k.R()
			k.I("ADD %ir, %ir, %or", step, at[i-1], r)
			at = append(at, r)
		}
	}
	k.Jump("CBZ", "last"+name, count)
	k.Label("vector" + name)
	for i, s := range sums {
		v := k.V()
		k.I("FMOVQ.P %d(%mr), %of", vectorBytes, at[i], v)
		k.W(&a64.FADD, s, s, v)
	}
	k.I("SUBS $1, %mr", count)
	k.Jump("BNE", "vector"+name)
	k.Label("last" + name)
	k.Jump("CBZ", "summed"+name, left)
	for i, s := range sums {
		v := k.V()
		k.tailOf(left, at[i], v, true)
		k.W(&a64.FADD, s, s, v)
	}
	k.Label("summed" + name)
	return sums
}

// foldFour adds up the lanes of four vectors, into the lanes of the first. It adds in the order
// of foldLanes.
func (k kernel) foldFour(v []a64.Reg) {
	k.W(&a64.FADDP, v[0], v[0], v[1])
	k.W(&a64.FADDP, v[2], v[2], v[3])
	k.W(&a64.FADDP, v[0], v[0], v[2])
}
