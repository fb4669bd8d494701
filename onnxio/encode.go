package onnxio

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Encode returns the bits that store v as an element of t. Floating-point types
// round to the nearest value, ties to even, and what is too large for them
// becomes infinite; integer types must hold v exactly.
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
	case onnxpb.TensorProto_INT8:
		if i := int8(v); float32(i) == v && v >= math.MinInt8 && v <= math.MaxInt8 {
			return uint64(uint8(i)), nil
		}
	case onnxpb.TensorProto_UINT8:
		if v >= 0 && v <= math.MaxUint8 && float32(uint8(v)) == v {
			return uint64(uint8(v)), nil
		}
	}
	return 0, fmt.Errorf("tensor %q of type %v cannot hold %v", t.Name, t.DataType, v)
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
