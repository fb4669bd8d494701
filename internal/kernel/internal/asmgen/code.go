package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// code writes arithmetic on vectors. Its methods return a new register unless
// they say otherwise.
type code struct {
	vectors
	constants reg.Register // address of the table of constants
	tail      reg.Register // mask of the elements that exist, or nil for all
}

func newCode(v vectors) *code {
	c := &code{vectors: v, constants: GP64()}
	LEAQ(constantTable, c.constants)
	return c
}

// constantTable holds the constants as they came up, each eight times for AVX2.
var (
	constantTable Mem
	constantAt    = map[any]int{}
)

// constantData begins the table of constants. It must remain the last global symbol, as
// constants are added when they are first used.
func constantData() {
	constantTable = GLOBL("constants", 8|16) // RODATA | NOPTR
}

// constant returns a float64, rounded to float32, or a uint32 as a memory operand.
func (c *code) constant(value any) Mem {
	at, ok := constantAt[value]
	if !ok {
		at = 32 * len(constantAt)
		constantAt[value] = at
		for i := range 8 {
			switch v := value.(type) {
			case float64:
				DATA(at+4*i, U32(math.Float32bits(float32(v))))
			case uint32:
				DATA(at+4*i, U32(v))
			}
		}
	}
	return Mem{Base: c.constants, Disp: at}
}

// load returns a register that holds a constant.
func (c *code) hold(value any) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VBROADCASTSS(c.constant(value), r)
	} else {
		VMOVUPS(c.constant(value), r)
	}
	return r
}

func (c *code) add(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VADDPS(y, x, r)
	return r
}

func (c *code) sub(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VSUBPS(y, x, r)
	return r
}

func (c *code) mul(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VMULPS(y, x, r)
	return r
}

func (c *code) div(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VDIVPS(y, x, r)
	return r
}

// times returns x times a constant.
func (c *code) times(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VMULPS_BCST(c.constant(value), x, r)
	} else {
		VMULPS(c.constant(value), x, r)
	}
	return r
}

// plus returns x plus a constant.
func (c *code) plus(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VADDPS_BCST(c.constant(value), x, r)
	} else {
		VADDPS(c.constant(value), x, r)
	}
	return r
}

// fma adds a constant times x to sum, and returns sum.
func (c *code) fma(sum reg.VecVirtual, value float64, x reg.VecVirtual) reg.VecVirtual {
	switch {
	case c.lanes == 16 && value < 0:
		VFNMADD231PS_BCST(c.constant(-value), x, sum)
	case c.lanes == 16:
		VFMADD231PS_BCST(c.constant(value), x, sum)
	case value < 0:
		VFNMADD231PS(c.constant(-value), x, sum)
	default:
		VFMADD231PS(c.constant(value), x, sum)
	}
	return sum
}

// horner evaluates a polynomial in x, the coefficient of the highest power
// first.
func (c *code) horner(x reg.VecVirtual, coefficients ...float64) reg.VecVirtual {
	p := c.hold(coefficients[0])
	for _, k := range coefficients[1:] {
		if c.lanes == 16 {
			VFMADD213PS_BCST(c.constant(k), x, p)
		} else {
			VFMADD213PS(c.constant(k), x, p)
		}
	}
	return p
}

// least returns the lesser of x and a constant, NaN if x is.
func (c *code) least(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.hold(value)
	VMINPS(x, r, r)
	return r
}

// greatest returns the greater of x and a constant, NaN if x is.
func (c *code) greatest(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.hold(value)
	VMAXPS(x, r, r)
	return r
}

// and, or and andNot combine bits with a constant.
func (c *code) and(bits uint32, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VPANDD_BCST(c.constant(bits), x, r)
	} else {
		VANDPS(c.constant(bits), x, r)
	}
	return r
}

func (c *code) or(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VPORD(x, y, r)
	} else {
		VORPS(x, y, r)
	}
	return r
}

// where returns y where x is less than a constant, and z elsewhere, also for NaN.
func (c *code) where(x reg.VecVirtual, value float64, y, z reg.VecVirtual) reg.VecVirtual {
	const less = 0x11 // ordered, quiet
	if c.lanes == 16 {
		k := K()
		VCMPPS_BCST(U8(less), c.constant(value), x, k)
		r := c.copy(z)
		VMOVAPS(y, k, r)
		return r
	}
	m, r := c.register(), c.register()
	VCMPPS(U8(less), c.constant(value), x, m)
	VBLENDVPS(m, y, z, r)
	return r
}

// inside returns y where lo <= x <= hi, else 0, in the register of y.
func (c *code) inside(x, lo, hi, y reg.VecVirtual) reg.VecVirtual {
	const atLeast, atMost = 0x1d, 0x12 // ordered, quiet
	return c.limited(atLeast, atMost, x, lo, hi, y)
}

// between returns y where lo < x < hi, else 0, in the register of y.
func (c *code) between(x, lo, hi, y reg.VecVirtual) reg.VecVirtual {
	const above, below = 0x1e, 0x11 // ordered, quiet
	return c.limited(above, below, x, lo, hi, y)
}

func (c *code) limited(low, high uint8, x, lo, hi, y reg.VecVirtual) reg.VecVirtual {
	if c.lanes == 16 {
		k := K()
		VCMPPS(U8(low), lo, x, k)
		VMOVAPS_Z(y, k, y)
		VCMPPS(U8(high), hi, x, k)
		VMOVAPS_Z(y, k, y)
		return y
	}
	m := c.register()
	VCMPPS(U8(low), lo, x, m)
	VANDPS(m, y, y)
	VCMPPS(U8(high), hi, x, m)
	VANDPS(m, y, y)
	return y
}

// round rounds to whole numbers, half to even, in the register of x.
func (c *code) round(x reg.VecVirtual) reg.VecVirtual {
	if c.lanes == 16 {
		VRNDSCALEPS(U8(0), x, x)
	} else {
		VROUNDPS(U8(0), x, x)
	}
	return x
}

// clean returns x with a constant in the lanes that do not exist.
func (c *code) clean(x reg.VecVirtual, value float64) reg.VecVirtual {
	if c.tail == nil {
		return x
	}
	r := c.hold(value)
	if c.lanes == 16 {
		VMOVAPS(x, c.tail, r)
	} else {
		VBLENDVPS(c.tail, x, r, r)
	}
	return r
}

// foldLanes combines all lanes in lane 0.
func (c *code) foldLanes(x reg.VecVirtual, f func(x, y, r reg.Register)) reg.VecVirtual {
	if c.lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(U8(1), x, half)
		r := YMM()
		f(x.AsY(), half, r)
		x = r
	}
	half, r := XMM(), XMM()
	VEXTRACTF128(U8(1), x.AsY(), half)
	f(x.AsX(), half, r)
	for _, swap := range []uint8{0x4e, 0xb1} {
		t := XMM()
		VPERMILPS(U8(swap), r, t)
		f(r, t, r)
	}
	return r
}
