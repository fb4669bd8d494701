// Package minifloat knows ONNX's floating-point types of eight bits and less:
// FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ ("FP8 Formats for Deep
// Learning", arXiv:2209.05433, and arXiv:2206.02915), FLOAT4E2M1 and FLOAT8E8M0
// (OCP Microscaling Formats 1.0).
package minifloat

import (
	"math"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Format is one of the types. All but E8M0 are a sign, an exponent with a bias,
// and a mantissa with an implicit leading 1, below the smallest exponent without.
type Format struct {
	bits, mantissa int
	bias           int
	special        special
	max            float64 // largest finite magnitude
	values         [256]float32
}

// special says which codes are not finite numbers.
type special uint8

const (
	none     special = iota // every code is a number
	ieee                    // the largest exponent holds infinity and NaN, as in IEEE 754
	allOnes                 // all ones but for the sign are NaN ("FN": finite, with NaN)
	minusNil                // the code of -0 is NaN ("FNUZ": with an unsigned zero besides)
)

var (
	e4m3fn   = newFormat(8, 3, 7, allOnes)
	e4m3fnuz = newFormat(8, 3, 8, minusNil)
	e5m2     = newFormat(8, 2, 15, ieee)
	e5m2fnuz = newFormat(8, 2, 16, minusNil)
	e2m1     = newFormat(4, 1, 1, none)
	e8m0     = newScale()
)

// Lookup returns the format of an ONNX type, if the type is one of these.
func Lookup(t onnxpb.TensorProto_DataType) (*Format, bool) {
	switch t {
	case onnxpb.TensorProto_FLOAT8E4M3FN:
		return e4m3fn, true
	case onnxpb.TensorProto_FLOAT8E4M3FNUZ:
		return e4m3fnuz, true
	case onnxpb.TensorProto_FLOAT8E5M2:
		return e5m2, true
	case onnxpb.TensorProto_FLOAT8E5M2FNUZ:
		return e5m2fnuz, true
	case onnxpb.TensorProto_FLOAT4E2M1:
		return e2m1, true
	case onnxpb.TensorProto_FLOAT8E8M0:
		return e8m0, true
	}
	return nil, false
}

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

// Value returns the number that a code stands for. Codes of four bits leave the
// upper half zero.
func (f *Format) Value(code uint8) float32 { return f.values[code] }

// Round returns the number of the format that is nearest to v, ties to even, as
// ONNX's Cast does. What is too large becomes the largest finite number when
// saturate is set; otherwise infinity, or NaN where the format has none.
// FLOAT4E2M1 always saturates, and NaN, which it lacks, becomes 0.
// For FLOAT8E8M0 it is RoundScale with mode Up.
func (f *Format) Round(v float32, saturate bool) float32 {
	if f == e8m0 {
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
