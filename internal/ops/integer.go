package ops

import (
	"math"

	"github.com/advparams/advparams/nd"
)

// integer: Mod (opset 10), BitwiseAnd, BitwiseOr, BitwiseXor (opset 18), BitShift
// (opset 11). Integers of every type are computed in 64 bits. Results that depend
// on the width are therefore not supported: BitwiseNot of unsigned types cannot be
// told from that of signed ones, and a left shift drops no bits.

// opMod is the remainder with the sign of the divisor, x - y·⌊x/y⌋. Its derivative
// by y is -⌊x/y⌋ = (z-x)/y.
func opMod() binary {
	return binary{"Mod", each(floorMod), each(orZero(func(x, y int64) int64 {
		r := x % y
		if r != 0 && (r < 0) != (y < 0) {
			r += y
		}
		return r
	})), diffMod}
}

// opFmod is the remainder with the sign of the dividend, like C's fmod.
func opFmod() binary {
	return binary{"Mod", each(fmod), each(orZero(func(x, y int64) int64 { return x % y })), diffMod}
}

func fmod(x, y float32) float32 { return float32(math.Mod(float64(x), float64(y))) }

func floorMod(x, y float32) float32 {
	r := fmod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

func diffMod(b *Builder, x, y, z, gz *Value) (gx, gy *Value) {
	return gz, b.Mul(gz, b.Div(b.Sub(z, x), y))
}

func buildMod(c *Call) []*Value {
	if c.Bool("fmod", false) {
		return []*Value{c.binary(opFmod(), c.Input(0), c.Input(1))}
	}
	return []*Value{c.binary(opMod(), c.Input(0), c.Input(1))}
}

func buildBitwise(name string, f func(x, y int64) int64) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{c.bitwise(name, f)} }
}

func (c *Call) bitwise(name string, f func(x, y int64) int64) *Value {
	if t := c.Input(0).DType; t != nd.Int64 {
		c.fail("operand of type %v", t)
	}
	return c.binary(binary{name: name, i: each(f)}, c.Input(0), c.Input(1))
}

func buildBitShift(c *Call) []*Value {
	switch d := c.String("direction", ""); d {
	case "RIGHT":
		return []*Value{c.bitwise("BitShift", func(x, y int64) int64 { return x >> min(uint64(y), 63) })}
	case "LEFT":
		unsupported("a shift to the left")
	default:
		c.fail("direction %q", d)
	}
	return nil
}

var integers = family{
	"Mod":        {10, buildMod},
	"BitwiseAnd": {18, buildBitwise("BitwiseAnd", func(x, y int64) int64 { return x & y })},
	"BitwiseOr":  {18, buildBitwise("BitwiseOr", func(x, y int64) int64 { return x | y })},
	"BitwiseXor": {18, buildBitwise("BitwiseXor", func(x, y int64) int64 { return x ^ y })},
	"BitShift":   {11, buildBitShift},
}
