package onnxio

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Encode returns the bits of the value of t's type that is nearest to v, ties to even. A
// value too large for a floating-point type becomes infinite, one too large for an integer
// type its largest or smallest value. NaN for an integer type is an error, and so are types
// other than floats and integers of up to 32 bits. A float of 8 bits or less gets the
// nearest finite value.
func (t *Initializer) Encode(v float32) (uint64, error) {
	switch t.DataType {
	case onnxpb.TensorProto_FLOAT:
		return uint64(math.Float32bits(v)), nil
	case onnxpb.TensorProto_DOUBLE:
		return math.Float64bits(float64(v)), nil
	case onnxpb.TensorProto_FLOAT16:
		return uint64(toHalf(v)), nil
	case onnxpb.TensorProto_BFLOAT16:
		return uint64(toBfloat(v)), nil
	}
	e := elemTypes[t.DataType]
	if e.kind == kindFloat && e.bits <= 8 {
		return t.nearest(v, e.bits)
	}
	if v != v || e.bits == 0 || e.bits > 32 || e.kind != kindSigned && e.kind != kindUnsigned {
		return 0, fmt.Errorf("tensor %q of type %v cannot hold %v", t.Name, t.DataType, v)
	}
	low, high := 0.0, float64(uint64(1)<<e.bits-1)
	if e.kind == kindSigned {
		low, high = low-(high+1)/2, (high-1)/2
	}
	i := int64(math.RoundToEven(min(max(float64(v), low), high)))
	return uint64(i) & (1<<e.bits - 1), nil
}

// nearest returns the bits of the nearest finite value, the smaller bits of two.
func (t *Initializer) nearest(v float32, width int) (uint64, error) {
	best, distance := uint64(0), math.Inf(1)
	for bits := range uint64(1) << width {
		x := float64(asFloat32(t.DataType, bits))
		if d := math.Abs(x - float64(v)); d < distance && !math.IsInf(x, 0) {
			best, distance = bits, d
		}
	}
	if math.IsInf(distance, 0) {
		return 0, fmt.Errorf("tensor %q of type %v cannot hold %v", t.Name, t.DataType, v)
	}
	return best, nil
}

// Decode returns the value of an element of t that is stored as these bits; it is
// rounded where float32 is too narrow. Strings and complex numbers have none,
// for which it returns NaN.
func (t *Initializer) Decode(bits uint64) float32 {
	e := elemTypes[t.DataType]
	switch e.kind {
	case kindFloat:
		return asFloat32(t.DataType, bits)
	case kindSigned:
		return float32(signed(bits, e.bits))
	case kindUnsigned, kindBool:
		return float32(bits)
	}
	return float32(math.NaN())
}

// toHalf rounds to IEEE 754 binary16.
func toHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b>>16) & 0x8000
	abs := b &^ (1 << 31)
	switch {
	case abs > 0x7f800000: // NaN stays one, whatever is cut off its payload
		return sign | 0x7e00 | uint16(abs>>13)&0x1ff
	case abs >= 0x477ff000: // rounds to 2¹⁶ or more
		return sign | 0x7c00
	case abs < 0x38800000: // below 2⁻¹⁴ the step is 2⁻²⁴; adding 0.5 leaves just these bits
		return sign | uint16(math.Float32bits(math.Float32frombits(abs)+0.5)-0x3f000000)
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16(abs>>13-112<<10)
}

// toBfloat rounds to the upper half of a float32.
func toBfloat(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
