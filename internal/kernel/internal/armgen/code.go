package main

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/internal/a64"
)

// code writes arithmetic on vectors; it is a formula.Code.
type code struct {
	kernel
	constants a64.Reg // address of the table of constants
	tail      a64.Reg // mask of the elements that exist, or no register for all
}

// constantTable holds the constants as they came up, and maskTable four words of ones and four
// of zeros.
var constantTable, maskTable *a64.Table

func newCode(k kernel) *code {
	if constantTable == nil {
		constantTable = file.NewTable("constants")
	}
	return &code{kernel: k, constants: k.Address(constantTable)}
}

// mask returns the mask of the first n lanes.
func (k kernel) mask(n a64.Reg) a64.Reg {
	const ones = math.MaxUint32
	if maskTable == nil {
		maskTable = file.NewTable("laneMask", ones, ones, ones, ones, 0, 0, 0, 0)
	}
	at, m := k.Address(maskTable), k.V()
	k.I("SUB %ir<<2, %mr", n, at)
	k.I("FMOVQ %d(%ir), %of", vectorBytes, at, m)
	return m
}

// three writes an instruction with two vectors and a new one for the result.
func (c *code) three(form *a64.Form, x, y a64.Reg) a64.Reg {
	r := c.V()
	c.W(form, r, x, y)
	return r
}

func (c *code) two(form *a64.Form, x a64.Reg) a64.Reg {
	r := c.V()
	c.W(form, r, x)
	return r
}

func (c *code) Hold(value any) a64.Reg {
	var at int
	switch v := value.(type) {
	case float64:
		at = constantTable.Float(v)
	case uint32:
		at = constantTable.Constant(v)
	}
	r := c.V()
	c.I("FMOVQ %d(%ir), %of", at, c.constants, r)
	return r
}

func (c *code) Add(x, y a64.Reg) a64.Reg    { return c.three(&a64.FADD, x, y) }
func (c *code) Sub(x, y a64.Reg) a64.Reg    { return c.three(&a64.FSUB, x, y) }
func (c *code) Mul(x, y a64.Reg) a64.Reg    { return c.three(&a64.FMUL, x, y) }
func (c *code) Div(x, y a64.Reg) a64.Reg    { return c.three(&a64.FDIV, x, y) }
func (c *code) Larger(x, y a64.Reg) a64.Reg { return c.three(&a64.FMAX, x, y) }

func (c *code) Times(value float64, x a64.Reg) a64.Reg { return c.Mul(x, c.Hold(value)) }
func (c *code) Plus(value float64, x a64.Reg) a64.Reg  { return c.Add(x, c.Hold(value)) }
func (c *code) Least(value float64, x a64.Reg) a64.Reg { return c.three(&a64.FMIN, x, c.Hold(value)) }
func (c *code) Greatest(value float64, x a64.Reg) a64.Reg {
	return c.three(&a64.FMAX, x, c.Hold(value))
}

func (c *code) MulAdd(sum, x, y a64.Reg) a64.Reg {
	c.I("VFMLA %iv.S4, %iv.S4, %mv.S4", y, x, sum)
	return sum
}

func (c *code) MulThenAdd(p, x, y a64.Reg) a64.Reg { return c.MulAdd(y, p, x) }

func (c *code) Fma(sum a64.Reg, value float64, x a64.Reg) a64.Reg {
	return c.MulAdd(sum, x, c.Hold(value))
}

func (c *code) AddTo(sum, x a64.Reg)     { c.W(&a64.FADD, sum, sum, x) }
func (c *code) LargestTo(sum, x a64.Reg) { c.W(&a64.FMAX, sum, sum, x) }

func (c *code) Horner(x a64.Reg, coefficients ...float64) a64.Reg {
	p := c.Hold(coefficients[0])
	for _, k := range coefficients[1:] {
		p = c.MulAdd(c.Hold(k), p, x)
	}
	return p
}

func (c *code) Clamp(x, lo, hi a64.Reg) a64.Reg {
	c.W(&a64.FMAX, x, x, lo)
	c.W(&a64.FMIN, x, x, hi)
	return x
}

// bits writes a bitwise operation of Go's assembler.
func (c *code) bits(op string, x, y a64.Reg) a64.Reg {
	r := c.V()
	c.I(op+" %iv.B16, %iv.B16, %ov.B16", x, y, r)
	return r
}

func (c *code) And(bits uint32, x a64.Reg) a64.Reg { return c.bits("VAND", x, c.Hold(bits)) }
func (c *code) Or(x, y a64.Reg) a64.Reg            { return c.bits("VORR", x, y) }

// choose returns y where the mask, which it overwrites, has ones, and z elsewhere.
func (c *code) choose(mask, y, z a64.Reg) a64.Reg {
	c.I("VBSL %iv.B16, %iv.B16, %mv.B16", z, y, mask)
	return mask
}

func (c *code) Where(x a64.Reg, value float64, y, z a64.Reg) a64.Reg {
	return c.choose(c.three(&a64.FCMGT, c.Hold(value), x), y, z)
}

func (c *code) WherePositive(x, y a64.Reg) a64.Reg {
	zero := c.V()
	c.Zero(zero)
	return c.bits("VAND", c.three(&a64.FCMGT, x, zero), y)
}

func (c *code) Inside(x, lo, hi, y a64.Reg) a64.Reg {
	return c.bits("VAND", c.bits("VAND", c.three(&a64.FCMGE, x, lo), c.three(&a64.FCMGE, hi, x)), y)
}

func (c *code) Between(x, lo, hi, y a64.Reg) a64.Reg {
	return c.bits("VAND", c.bits("VAND", c.three(&a64.FCMGT, x, lo), c.three(&a64.FCMGT, hi, x)), y)
}

// isMost returns ones where x is the maximum, which a NaN is.
func (c *code) isMost(x, most a64.Reg) a64.Reg {
	return c.three(&a64.ORN, c.three(&a64.FCMEQ, x, most), c.three(&a64.FCMEQ, x, x))
}

func (c *code) WhereMost(x, most, y a64.Reg) a64.Reg { return c.bits("VAND", c.isMost(x, most), y) }

func (c *code) ExceptMost(x, most, y a64.Reg) a64.Reg {
	return c.three(&a64.BIC, y, c.isMost(x, most))
}

func (c *code) Round(x a64.Reg) a64.Reg {
	c.W(&a64.FRINTN, x, x)
	return x
}

// Scale multiplies by 2ⁿ in two factors, for results that are subnormal or near overflow.
func (c *code) Scale(p, n a64.Reg) a64.Reg {
	i, h := c.two(&a64.FCVTNS, n), c.V()
	c.WN(&a64.SSHR, 1, h, i)
	c.I("VSUB %iv.S4, %mv.S4, %mv.S4", h, i, i)
	bias := c.Hold(uint32(127))
	for _, k := range []a64.Reg{h, i} {
		c.I("VADD %iv.S4, %mv.S4, %mv.S4", bias, k, k)
		c.I("VSHL $23, %mv.S4, %mv.S4", k, k)
		c.W(&a64.FMUL, p, p, k)
	}
	return p
}

func (c *code) Clean(x a64.Reg, value float64) a64.Reg {
	if c.tail == (a64.Reg{}) {
		return x
	}
	return c.choose(c.Copy(c.tail), x, c.Hold(value))
}

// foldLanes combines all lanes in lane 0, by a form that takes pairs.
func (k kernel) foldLanes(form *a64.Form, x a64.Reg) {
	k.W(form, x, x, x)
	k.W(form, x, x, x)
}

// broadcast returns a vector of lane 0 of another.
func (k kernel) broadcast(x a64.Reg) a64.Reg {
	r := k.V()
	k.I("VDUP %iv.S[0], %ov.S4", x, r)
	return r
}

// scalar returns a vector of a parameter of 32 bits.
func (k kernel) scalar(param string) a64.Reg {
	x := k.V()
	k.I("FMOVS %s, %of", k.At(param), x)
	return k.broadcast(x)
}

// tail reads or writes the first n lanes of a vector, 1 to 3. Of one that it reads the others
// are 0.
func (k kernel) tailOf(n, at, v a64.Reg, load bool) {
	one, done, rest := k.NewLabel("one"), k.NewLabel("done"), k.R()
	k.I("CMP $2, %ir", n)
	k.Jump("BLT", one)
	if load {
		k.I("FMOVD (%ir), %of", at, v)
	} else {
		k.I("FMOVD %if, (%ir)", v, at)
	}
	k.Jump("BEQ", done)
	k.I("ADD $8, %ir, %or", at, rest)
	if load {
		k.I("VLD1 (%ir), %mv.S[2]", rest, v)
	} else {
		k.I("VST1 %iv.S[2], (%ir)", v, rest)
	}
	k.Jump("B", done)
	k.Label(one)
	if load {
		k.I("FMOVS (%ir), %of", at, v)
	} else {
		k.I("FMOVS %if, (%ir)", v, at)
	}
	k.Label(done)
}
