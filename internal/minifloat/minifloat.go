// Package minifloat implements the floating-point formats of eight bits and less
// that ONNX has: E4M3FN, E4M3FNUZ, E5M2 and E5M2FNUZ ("FP8 Formats for Deep
// Learning", arXiv:2209.05433, and arXiv:2206.02915), E2M1 and E8M0 (OCP
// Microscaling Formats 1.0).
package minifloat

import "math"

// Format is one of the formats. Each but E8M0 has a sign, a biased exponent and a
// mantissa. The mantissa has an implicit leading 1, except in subnormal numbers.
type Format struct {
	bits, mantissa int
	bias           int
	special        special
	max            float64 // largest finite magnitude
	values         [256]float32
}

// special is the set of codes that are not finite numbers.
type special uint8

const (
	none     special = iota // every code is a number
	ieee                    // the largest exponent holds infinity and NaN, as in IEEE 754
	allOnes                 // a magnitude of all ones is NaN ("FN": finite, with NaN)
	minusNil                // the code of -0 is NaN ("FNUZ": finite, NaN, unsigned zero)
)

// The formats, by the names that they have in the specifications. Those of eight
// bits are ONNX's FLOAT8E4M3FN and so on, E2M1 is FLOAT4E2M1.
var (
	E4M3FN   = newFormat(8, 3, 7, allOnes)
	E4M3FNUZ = newFormat(8, 3, 8, minusNil)
	E5M2     = newFormat(8, 2, 15, ieee)
	E5M2FNUZ = newFormat(8, 2, 16, minusNil)
	E2M1     = newFormat(4, 1, 1, none)
	E8M0     = newScale()
)

func newFormat(bits, mantissa, bias int, s special) *Format {
	f := &Format{bits: bits, mantissa: mantissa, bias: bias, special: s}
	for code := range 1 << bits {
		v := f.value(code)
		f.values[code] = float32(v)
		if !math.IsInf(v, 0) && v > f.max {
			f.max = v
		}
	}
	return f
}

// value decodes by definition.
func (f *Format) value(code int) float64 {
	top := 1 << (f.bits - 1)
	sign, magnitude := 1.0, code&^top
	if code&top != 0 {
		sign = -1
	}
	exponent, fraction := magnitude>>f.mantissa, magnitude&(1<<f.mantissa-1)
	switch {
	case f.special == minusNil && code == top, f.special == allOnes && magnitude == top-1:
		return math.NaN()
	case f.special == ieee && exponent == (top-1)>>f.mantissa:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	case exponent == 0:
		return math.Copysign(math.Ldexp(float64(fraction), 1-f.bias-f.mantissa), sign)
	}
	return sign * math.Ldexp(float64(fraction+1<<f.mantissa), exponent-f.bias-f.mantissa)
}

// Value returns the number that a code represents. The upper four bits of an E2M1
// code are zero.
func (f *Format) Value(code uint8) float32 { return f.values[code] }

// Round returns the number of the format that is nearest to v, ties to even, as
// ONNX's Cast does. A number that is too large becomes the largest finite number
// if saturate is set, else infinity, or NaN if the format has no infinity. E2M1
// always saturates, and turns NaN, which it lacks, into 0. For E8M0, Round is
// RoundScale with mode Up.
func (f *Format) Round(v float32, saturate bool) float32 {
	if f == E8M0 {
		return f.RoundScale(v, Up, saturate)
	}
	x := math.Abs(float64(v))
	if v != v {
		if f.special == none {
			return 0
		}
		return v
	}
	if !math.IsInf(x, 0) {
		_, exponent := math.Frexp(x) // x is in [½, 1) · 2^exponent
		quantum := math.Ldexp(1, max(exponent-1, 1-f.bias)-f.mantissa)
		x = math.RoundToEven(x/quantum) * quantum
	}
	if x > f.max {
		switch {
		case saturate || f.special == none:
			x = f.max
		case f.special == ieee:
			x = math.Inf(1)
		default:
			return float32(math.NaN())
		}
	}
	if x == 0 && f.special == minusNil {
		return 0
	}
	return float32(math.Copysign(x, float64(v)))
}
