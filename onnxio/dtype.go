package onnxio

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/internal/minifloat"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Storage says where the elements of a tensor are kept.
type Storage uint8

// The places a TensorProto can keep its elements. The typed fields other than
// FloatData, DoubleData and StringData are varints: their elements have no fixed
// place and cannot be patched.
const (
	Raw        Storage = iota // raw_data; also a tensor without elements
	FloatData                 // float_data
	Int32Data                 // int32_data
	Int64Data                 // int64_data
	DoubleData                // double_data
	Uint64Data                // uint64_data
	StringData                // string_data
	External                  // a byte range of another file
)

var storageNames = [...]string{
	"raw_data", "float_data", "int32_data", "int64_data",
	"double_data", "uint64_data", "string_data", "external data",
}

// String returns the name of the TensorProto field.
func (s Storage) String() string {
	if int(s) < len(storageNames) {
		return storageNames[s]
	}
	return fmt.Sprintf("Storage(%d)", uint8(s))
}

type kind uint8

const (
	kindFloat kind = iota + 1
	kindSigned
	kindUnsigned
	kindBool
	kindComplex
	kindString
)

// elemType is what the ONNX IR says about one element type: its width where
// elements are stored as bytes, and the typed field that may hold it instead.
type elemType struct {
	kind  kind
	bits  int
	field Storage
}

var elemTypes = map[onnxpb.TensorProto_DataType]elemType{
	onnxpb.TensorProto_FLOAT:          {kindFloat, 32, FloatData},
	onnxpb.TensorProto_UINT8:          {kindUnsigned, 8, Int32Data},
	onnxpb.TensorProto_INT8:           {kindSigned, 8, Int32Data},
	onnxpb.TensorProto_UINT16:         {kindUnsigned, 16, Int32Data},
	onnxpb.TensorProto_INT16:          {kindSigned, 16, Int32Data},
	onnxpb.TensorProto_INT32:          {kindSigned, 32, Int32Data},
	onnxpb.TensorProto_INT64:          {kindSigned, 64, Int64Data},
	onnxpb.TensorProto_STRING:         {kindString, 0, StringData},
	onnxpb.TensorProto_BOOL:           {kindBool, 8, Int32Data},
	onnxpb.TensorProto_FLOAT16:        {kindFloat, 16, Int32Data},
	onnxpb.TensorProto_DOUBLE:         {kindFloat, 64, DoubleData},
	onnxpb.TensorProto_UINT32:         {kindUnsigned, 32, Uint64Data},
	onnxpb.TensorProto_UINT64:         {kindUnsigned, 64, Uint64Data},
	onnxpb.TensorProto_COMPLEX64:      {kindComplex, 64, FloatData},
	onnxpb.TensorProto_COMPLEX128:     {kindComplex, 128, DoubleData},
	onnxpb.TensorProto_BFLOAT16:       {kindFloat, 16, Int32Data},
	onnxpb.TensorProto_FLOAT8E4M3FN:   {kindFloat, 8, Int32Data},
	onnxpb.TensorProto_FLOAT8E4M3FNUZ: {kindFloat, 8, Int32Data},
	onnxpb.TensorProto_FLOAT8E5M2:     {kindFloat, 8, Int32Data},
	onnxpb.TensorProto_FLOAT8E5M2FNUZ: {kindFloat, 8, Int32Data},
	onnxpb.TensorProto_UINT4:          {kindUnsigned, 4, Int32Data},
	onnxpb.TensorProto_INT4:           {kindSigned, 4, Int32Data},
	onnxpb.TensorProto_FLOAT4E2M1:     {kindFloat, 4, Int32Data},
	onnxpb.TensorProto_FLOAT8E8M0:     {kindFloat, 8, Int32Data},
	onnxpb.TensorProto_UINT2:          {kindUnsigned, 2, Int32Data},
	onnxpb.TensorProto_INT2:           {kindSigned, 2, Int32Data},
}

// entries returns how many numbers the typed field holds for n elements.
func (e elemType) entries(n int) int {
	switch {
	case e.kind == kindComplex:
		return 2 * n // real and imaginary parts
	case e.packed():
		size, _ := e.bytes(n)
		return size // one byte to an entry
	}
	return n
}

// packed reports whether a byte holds several elements, the first in its lowest bits.
func (e elemType) packed() bool { return e.bits > 0 && e.bits < 8 }

// bytes returns how many bytes n elements take in raw_data or external data;
// false when that does not fit an int.
func (e elemType) bytes(n int) (int, bool) {
	if e.packed() {
		perByte := 8 / e.bits
		return n/perByte + (n%perByte+perByte-1)/perByte, true
	}
	width := e.bits / 8
	if n > math.MaxInt/width {
		return 0, false
	}
	return n * width, true
}

// signed extends the sign of the low bits of b.
func signed(b uint64, bits int) int64 {
	return int64(b<<(64-bits)) >> (64 - bits)
}

// half converts IEEE 754 binary16.
func half(b uint16) float32 {
	sign := uint32(b>>15) << 31
	exp := uint32(b>>10) & 0x1f
	frac := uint32(b) & 0x3ff
	switch exp {
	case 0: // zero or subnormal: frac × 2⁻²⁴, exact in float32
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// asFloat32 converts the stored bits of a floating-point type.
func asFloat32(t onnxpb.TensorProto_DataType, b uint64) float32 {
	switch t {
	case onnxpb.TensorProto_FLOAT:
		return math.Float32frombits(uint32(b))
	case onnxpb.TensorProto_FLOAT16:
		return half(uint16(b))
	case onnxpb.TensorProto_BFLOAT16:
		return math.Float32frombits(uint32(b) << 16)
	case onnxpb.TensorProto_DOUBLE:
		return float32(math.Float64frombits(b))
	case onnxpb.TensorProto_FLOAT8E4M3FN:
		return minifloat.E4M3FN.Value(uint8(b))
	case onnxpb.TensorProto_FLOAT8E4M3FNUZ:
		return minifloat.E4M3FNUZ.Value(uint8(b))
	case onnxpb.TensorProto_FLOAT8E5M2:
		return minifloat.E5M2.Value(uint8(b))
	case onnxpb.TensorProto_FLOAT8E5M2FNUZ:
		return minifloat.E5M2FNUZ.Value(uint8(b))
	case onnxpb.TensorProto_FLOAT4E2M1:
		return minifloat.E2M1.Value(uint8(b))
	default: // FLOAT8E8M0
		return minifloat.E8M0.Value(uint8(b))
	}
}
