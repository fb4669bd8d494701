package onnxio

import (
	"math"
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestEncodeDecode: every 16-bit float that is not a NaN survives the way to
// float32 and back, and values in between go to the nearer neighbour.
func TestEncodeDecode(t *testing.T) {
	for _, dt := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16} {
		init := &Initializer{DataType: dt}
		for b := range uint64(1 << 16) {
			v := init.Decode(b)
			got, err := init.Encode(v)
			if err != nil {
				t.Fatal(err)
			}
			if v != v {
				if w := asFloat32(dt, got); w == w {
					t.Fatalf("%v: NaN %#x became %v", dt, b, w)
				}
				continue
			}
			if got != b {
				t.Fatalf("%v: %#x is %v, which encodes as %#x", dt, b, v, got)
			}
			next := asFloat32(dt, b+1)
			if b&0x7fff == 0x7fff || math.IsInf(float64(next), 0) || next != next {
				continue
			}
			middle := float32((float64(v) + float64(next)) / 2)
			even := b + b&1
			if got, _ := init.Encode(middle); got != even {
				t.Fatalf("%v: %v, between %#x and its successor, encodes as %#x", dt, middle, b, got)
			}
			if got, _ := init.Encode(math.Nextafter32(middle, next)); got != b+1 {
				t.Fatalf("%v: just past the middle of %#x and its successor encodes as %#x", dt, b, got)
			}
		}
	}
}

func TestEncodeIntegers(t *testing.T) {
	nan := float32(math.NaN())
	for _, test := range []struct {
		dt   onnxpb.TensorProto_DataType
		v    float32
		want uint64
		back float32
		ok   bool
	}{
		{onnxpb.TensorProto_INT8, -128, 0x80, -128, true},
		{onnxpb.TensorProto_INT8, 127, 0x7f, 127, true},
		{onnxpb.TensorProto_INT8, 128, 0x7f, 127, true},
		{onnxpb.TensorProto_INT8, float32(math.Inf(-1)), 0x80, -128, true},
		{onnxpb.TensorProto_INT8, 0.5, 0, 0, true},
		{onnxpb.TensorProto_INT8, -1.5, 0xfe, -2, true},
		{onnxpb.TensorProto_INT8, nan, 0, 0, false},
		{onnxpb.TensorProto_UINT8, 254.6, 0xff, 255, true},
		{onnxpb.TensorProto_UINT8, -1, 0, 0, true},
		{onnxpb.TensorProto_INT16, -300, 0xfed4, -300, true},
		{onnxpb.TensorProto_INT32, 1 << 31, 0x7fffffff, 1 << 31, true},
		{onnxpb.TensorProto_INT32, -70000, 0xfffeee90, -70000, true},
		{onnxpb.TensorProto_UINT32, -0.5, 0, 0, true},
		{onnxpb.TensorProto_INT4, -9, 8, -8, true},
		{onnxpb.TensorProto_UINT4, 9.5, 0xa, 10, true},
		{onnxpb.TensorProto_INT64, 1, 0, 0, false},
		{onnxpb.TensorProto_BOOL, 1, 0, 0, false},
		{onnxpb.TensorProto_FLOAT8E5M2, 1.1, 0x3c, 1, true},
		{onnxpb.TensorProto_FLOAT8E4M3FN, -1e6, 0xfe, -448, true},
		{onnxpb.TensorProto_FLOAT8E4M3FN, nan, 0, 0, false},
	} {
		init := &Initializer{DataType: test.dt}
		got, err := init.Encode(test.v)
		if (err == nil) != test.ok || got != test.want {
			t.Errorf("Encode(%v) as %v = %#x, %v", test.v, test.dt, got, err)
		}
		if v := init.Decode(got); err == nil && v != test.back {
			t.Errorf("%v as %v comes back as %v", test.v, test.dt, v)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		dt   onnxpb.TensorProto_DataType
		bits uint64
		want float32
	}{
		{onnxpb.TensorProto_FLOAT, 0x3f800000, 1},
		{onnxpb.TensorProto_DOUBLE, math.Float64bits(0.1), 0.1},
		{onnxpb.TensorProto_FLOAT8E4M3FN, 0x7e, 448},
		{onnxpb.TensorProto_INT4, 0xf, -1},
		{onnxpb.TensorProto_INT64, math.MaxUint64, -1},
		{onnxpb.TensorProto_UINT64, math.MaxUint64, 1 << 64},
		{onnxpb.TensorProto_BOOL, 1, 1},
	} {
		if got := (&Initializer{DataType: test.dt}).Decode(test.bits); got != test.want {
			t.Errorf("%#x as %v is %v, want %v", test.bits, test.dt, got, test.want)
		}
	}
	if v := (&Initializer{DataType: onnxpb.TensorProto_STRING}).Decode(1); v == v {
		t.Errorf("a string is the number %v", v)
	}
}
