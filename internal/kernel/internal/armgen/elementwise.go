package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
	"github.com/advparams/advparams/internal/kernel/internal/formula"
)

// elementwise writes a function on slices. A loop over several vectors at a time, each with its
// own sums, keeps more than one addition under way; the missing elements of the last vector are
// 0.
func elementwise(e formula.Elementwise[a64.Reg]) {
	pointers := slices.Clone(e.In)
	if e.Out != "" && !slices.Contains(e.In, e.Out) {
		pointers = append(pointers, e.Out)
	}
	params := strings.Join(pointers, ", ") + " *float32"
	if len(e.With) > 0 {
		params += ", " + strings.Join(e.With, ", ") + " float32"
	}
	result := ""
	if e.Sums > 0 {
		names := make([]string, e.Sums)
		for i := range names {
			names[i] = fmt.Sprintf("sum%d", i)
		}
		result = " (" + strings.Join(names, ", ") + " float32)"
	}
	c := newCode(newKernel(e.Name+"NEON", "func(n int, "+params+")"+result))
	n, at := c.Param("n"), map[string]a64.Reg{}
	for _, s := range pointers {
		at[s] = c.Param(s)
	}
	var with []a64.Reg
	for _, s := range e.With {
		with = append(with, c.scalar(s))
	}
	unroll := 2
	if e.Sums > 0 {
		unroll = 4
	}
	sums := make([][]a64.Reg, unroll)
	for u := range sums {
		sums[u] = c.Vs(e.Sums)
		for _, s := range sums[u] {
			if e.Max {
				c.I("VMOV %iv.B16, %ov.B16", c.Hold(math.Inf(-1)), s)
			} else {
				c.Zero(s)
			}
		}
	}
	// vector computes a vector and advances the pointers.
	vector := func(u int) {
		in := c.Vs(len(e.In))
		for i, s := range e.In {
			if s == e.Out { // advanced by the store
				c.I("FMOVQ (%ir), %of", at[s], in[i])
			} else {
				c.I("FMOVQ.P %d(%mr), %of", vectorBytes, at[s], in[i])
			}
		}
		if out := e.Body(c, in, with, sums[u]); e.Out != "" {
			c.I("FMOVQ.P %if, %d(%mr)", out, vectorBytes, at[e.Out])
		}
	}
	c.I("SUBS $%d, %mr", unroll*lanes, n)
	c.Jump("BLT", "fewer")
	c.Label("several")
	for u := range unroll {
		vector(u)
	}
	c.I("SUBS $%d, %mr", unroll*lanes, n)
	c.Jump("BGE", "several")
	c.Label("fewer")
	c.Advance(n, unroll*lanes)
	c.Label("one")
	c.I("SUBS $%d, %mr", lanes, n)
	c.Jump("BLT", "rest")
	vector(0)
	c.Jump("B", "one")
	c.Label("rest")
	c.I("ADDS $%d, %mr", lanes, n)
	c.Jump("BEQ", "end")
	c.tail = c.mask(n)
	in := c.Vs(len(e.In))
	for i, s := range e.In {
		c.tailOf(n, at[s], in[i], true)
	}
	if out := e.Body(c, in, with, sums[0]); e.Out != "" {
		c.tailOf(n, at[e.Out], out, false)
	}
	c.Label("end")
	pairs, fold := &a64.FADDP, c.AddTo
	if e.Max {
		pairs, fold = &a64.FMAXP, c.LargestTo
	}
	for i := range e.Sums {
		total := sums[0][i]
		for _, s := range sums[1:] {
			fold(total, s[i])
		}
		c.foldLanes(pairs, total)
		c.I("FMOVS %if, %s", total, c.At(fmt.Sprintf("sum%d", i)))
	}
	c.Ret()
}
