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
			v := asFloat32(dt, b)
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
	for _, test := range []struct {
		dt   onnxpb.TensorProto_DataType
		v    float32
		want uint64
		ok   bool
	}{
		{onnxpb.TensorProto_INT8, -128, 0x80, true},
		{onnxpb.TensorProto_INT8, 127, 0x7f, true},
		{onnxpb.TensorProto_INT8, 128, 0, false},
		{onnxpb.TensorProto_INT8, 0.5, 0, false},
		{onnxpb.TensorProto_UINT8, 255, 0xff, true},
		{onnxpb.TensorProto_UINT8, -1, 0, false},
		{onnxpb.TensorProto_INT64, 1, 0, false},
	} {
		got, err := (&Initializer{DataType: test.dt}).Encode(test.v)
		if (err == nil) != test.ok || got != test.want {
			t.Errorf("Encode(%v) as %v = %#x, %v", test.v, test.dt, got, err)
		}
	}
}
