package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What maximum pooling needs. Comparisons give a mask: a K register for AVX-512, a
// vector of ones and zeros for AVX2.

const equal, unordered = 0, 3 // predicates of comparisons

// Larger returns the larger of x and y, a NaN if either is.
func (c *code) Larger(x, y reg.VecVirtual) reg.VecVirtual {
	most := c.register()
	VMAXPS(y, x, most) // y if either is a NaN
	if c.lanes == 16 {
		nan := K()
		VCMPPS(U8(unordered), x, x, nan)
		VMOVAPS(x, nan, most)
		return most
	}
	nan := c.register()
	VCMPPS(U8(unordered), x, x, nan)
	VORPS(nan, most, most) // all ones is a NaN
	return most
}

// isMost returns the mask of where x is the maximum, which a NaN is.
func (c *code) isMost(x, most reg.VecVirtual) reg.Register {
	if c.lanes == 16 {
		is, nan := K(), K()
		VCMPPS(U8(equal), most, x, is)
		VCMPPS(U8(unordered), x, x, nan)
		KORW(nan, is, is)
		return is
	}
	is, nan := c.register(), c.register()
	VCMPPS(U8(equal), most, x, is)
	VCMPPS(U8(unordered), x, x, nan)
	VORPS(nan, is, is)
	return is
}

// masked returns x where the mask is set, else 0, and unmasked the rest of x.
func (c *code) masked(mask reg.Register, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VMOVAPS_Z(x, mask, r)
	} else {
		VANDPS(x, mask, r)
	}
	return r
}

func (c *code) unmasked(mask reg.Register, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		KNOTW(mask, mask)
		VMOVAPS_Z(x, mask, r)
	} else {
		VANDNPS(x, mask, r)
	}
	return r
}

func (c *code) WhereMost(x, most, y reg.VecVirtual) reg.VecVirtual {
	return c.masked(c.isMost(x, most), y)
}

func (c *code) ExceptMost(x, most, y reg.VecVirtual) reg.VecVirtual {
	return c.unmasked(c.isMost(x, most), y)
}

// WherePositive returns y where x > 0, else 0.
func (c *code) WherePositive(x, y reg.VecVirtual) reg.VecVirtual {
	zero := c.register()
	c.zero(zero)
	const greater = 0x1e // ordered, quiet
	if c.lanes == 16 {
		k := K()
		VCMPPS(U8(greater), zero, x, k)
		VMOVAPS_Z(y, k, zero)
		return zero
	}
	VCMPPS(U8(greater), zero, x, zero)
	VANDPS(y, zero, zero)
	return zero
}
