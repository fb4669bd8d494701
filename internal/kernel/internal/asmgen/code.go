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

// Hold returns a register that holds a constant.
func (c *code) Hold(value any) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VBROADCASTSS(c.constant(value), r)
	} else {
		VMOVUPS(c.constant(value), r)
	}
	return r
}

func (c *code) Add(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VADDPS(y, x, r)
	return r
}

func (c *code) Sub(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VSUBPS(y, x, r)
	return r
}

func (c *code) Mul(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VMULPS(y, x, r)
	return r
}

func (c *code) Div(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	VDIVPS(y, x, r)
	return r
}

// Times returns x times a constant.
func (c *code) Times(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VMULPS_BCST(c.constant(value), x, r)
	} else {
		VMULPS(c.constant(value), x, r)
	}
	return r
}

// Plus returns x plus a constant.
func (c *code) Plus(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VADDPS_BCST(c.constant(value), x, r)
	} else {
		VADDPS(c.constant(value), x, r)
	}
	return r
}

// Fma adds a constant times x to sum, and returns sum.
func (c *code) Fma(sum reg.VecVirtual, value float64, x reg.VecVirtual) reg.VecVirtual {
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

func (c *code) MulAdd(sum, x, y reg.VecVirtual) reg.VecVirtual {
	VFMADD231PS(x, y, sum)
	return sum
}

func (c *code) MulThenAdd(p, x, y reg.VecVirtual) reg.VecVirtual {
	VFMADD213PS(y, x, p)
	return p
}

func (c *code) AddTo(sum, x reg.VecVirtual) { VADDPS(x, sum, sum) }

func (c *code) LargestTo(sum, x reg.VecVirtual) { VMAXPS(x, sum, sum) }

// Horner evaluates a polynomial in x, the coefficient of the highest power
// first.
func (c *code) Horner(x reg.VecVirtual, coefficients ...float64) reg.VecVirtual {
	p := c.Hold(coefficients[0])
	for _, k := range coefficients[1:] {
		if c.lanes == 16 {
			VFMADD213PS_BCST(c.constant(k), x, p)
		} else {
			VFMADD213PS(c.constant(k), x, p)
		}
	}
	return p
}

// Least returns the lesser of x and a constant, NaN if x is.
func (c *code) Least(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.Hold(value)
	VMINPS(x, r, r)
	return r
}

// Greatest returns the greater of x and a constant, NaN if x is.
func (c *code) Greatest(value float64, x reg.VecVirtual) reg.VecVirtual {
	r := c.Hold(value)
	VMAXPS(x, r, r)
	return r
}

// And and Or combine bits with a constant.
func (c *code) And(bits uint32, x reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VPANDD_BCST(c.constant(bits), x, r)
	} else {
		VANDPS(c.constant(bits), x, r)
	}
	return r
}

func (c *code) Or(x, y reg.VecVirtual) reg.VecVirtual {
	r := c.register()
	if c.lanes == 16 {
		VPORD(x, y, r)
	} else {
		VORPS(x, y, r)
	}
	return r
}

// Where returns y where x is less than a constant, and z elsewhere, also for NaN.
func (c *code) Where(x reg.VecVirtual, value float64, y, z reg.VecVirtual) reg.VecVirtual {
	const less = 0x11 // ordered, quiet
	if c.lanes == 16 {
		k := K()
		VCMPPS_BCST(U8(less), c.constant(value), x, k)
		r := c.Copy(z)
		VMOVAPS(y, k, r)
		return r
	}
	m, r := c.register(), c.register()
	VCMPPS(U8(less), c.constant(value), x, m)
	VBLENDVPS(m, y, z, r)
	return r
}

// Inside returns y where lo <= x <= hi, else 0, in the register of y.
func (c *code) Inside(x, lo, hi, y reg.VecVirtual) reg.VecVirtual {
	const atLeast, atMost = 0x1d, 0x12 // ordered, quiet
	return c.limited(atLeast, atMost, x, lo, hi, y)
}

// Between returns y where lo < x < hi, else 0, in the register of y.
func (c *code) Between(x, lo, hi, y reg.VecVirtual) reg.VecVirtual {
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

// Round rounds to whole numbers, half to even, in the register of x.
func (c *code) Round(x reg.VecVirtual) reg.VecVirtual {
	if c.lanes == 16 {
		VRNDSCALEPS(U8(0), x, x)
	} else {
		VROUNDPS(U8(0), x, x)
	}
	return x
}

// Scale returns p·2ⁿ.
func (c *code) Scale(p, n reg.VecVirtual) reg.VecVirtual {
	if c.lanes == 16 {
		VSCALEFPS(n, p, p)
		return p
	}
	// 2^n in two factors, for results that are subnormal or near overflow.
	i, h := YMM(), YMM()
	VCVTPS2DQ(n, i)
	VPSRAD(U8(1), i, h)
	VPSUBD(h, i, i)
	for _, k := range []reg.VecVirtual{h, i} {
		VPADDD(c.constant(uint32(127)), k, k)
		VPSLLD(U8(23), k, k)
		VMULPS(k, p, p)
	}
	return p
}

// Clamp keeps NaN: the instructions return their second operand then.
func (c *code) Clamp(x, lo, hi reg.VecVirtual) reg.VecVirtual {
	VMAXPS(x, lo, x)
	VMINPS(x, hi, x)
	return x
}

// Clean returns x with a constant in the lanes that do not exist.
func (c *code) Clean(x reg.VecVirtual, value float64) reg.VecVirtual {
	if c.tail == nil {
		return x
	}
	r := c.Hold(value)
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
