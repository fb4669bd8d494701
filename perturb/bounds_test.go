package perturb

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// initializer opens a model with one tensor of the given raw elements.
func initializer(t *testing.T, dt onnxpb.TensorProto_DataType, elements any) *onnxio.Initializer {
	t.Helper()
	raw, err := binary.Append(nil, binary.LittleEndian, elements)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(binary.Size(elements))
	switch dt {
	case onnxpb.TensorProto_DOUBLE:
		n /= 8
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT32:
		n /= 4
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
		n /= 2
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Initializer: []*onnxpb.TensorProto{{
			Name: proto.String("w"), DataType: proto.Int32(int32(dt)), Dims: []int64{n}, RawData: raw,
		}}},
	})
	return m.Weight("w")
}

func TestBounds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name      string
		dt        onnxpb.TensorProto_DataType
		elements  any
		unbounded bool
		want      bounds
	}{
		{"float", onnxpb.TensorProto_FLOAT, []float32{1, -2, nan, inf, 3}, false,
			bounds{bound{-2, 0xc0000000}, bound{3, 0x40400000}}},
		{"float widened", onnxpb.TensorProto_FLOAT, []float32{-1, 3}, true,
			bounds{bound{-3, 0xc0400000}, bound{5, 0x40a00000}}},
		{"float widened to its limit", onnxpb.TensorProto_FLOAT, []float32{-math.MaxFloat32, math.MaxFloat32}, true,
			bounds{bound{-math.MaxFloat32, 0xff7fffff}, bound{math.MaxFloat32, 0x7f7fffff}}},
		{"float16", onnxpb.TensorProto_FLOAT16, []uint16{0x3c00, 0xc000}, false,
			bounds{bound{-2, 0xc000}, bound{1, 0x3c00}}},
		{"float16 widened beyond its limit", onnxpb.TensorProto_FLOAT16, []uint16{0xfbff, 0x0000}, true,
			bounds{bound{-65504, 0xfbff}, bound{32752, 0x77ff}}},
		{"bfloat16 widened to what it has", onnxpb.TensorProto_BFLOAT16, []uint16{0x3f80, 0x3f81}, true,
			bounds{bound{0.99609375, 0x3f7f}, bound{1.015625, 0x3f82}}},
		{"double keeps its bits", onnxpb.TensorProto_DOUBLE, []float64{0.1, -0.1}, false,
			bounds{bound{-0.1, math.Float64bits(-0.1)}, bound{0.1, math.Float64bits(0.1)}}},
		{"int8", onnxpb.TensorProto_INT8, []int8{5, -128, 7}, false,
			bounds{bound{-128, 0x80}, bound{7, 0x07}}},
		{"int8 widened", onnxpb.TensorProto_INT8, []int8{-120, 100}, true,
			bounds{bound{-128, 0x80}, bound{127, 0x7f}}},
		{"uint8 widened to whole numbers", onnxpb.TensorProto_UINT8, []uint8{10, 21}, true,
			bounds{bound{4, 4}, bound{26, 26}}},
		{"int32", onnxpb.TensorProto_INT32, []int32{-70000, 3}, false,
			bounds{bound{-70000, 0xfffeee90}, bound{3, 3}}},
	} {
		init := initializer(t, c.dt, c.elements)
		x := make([]float32, init.Len())
		for i := range x {
			x[i] = init.Decode(init.Bits(i))
		}
		got, ok := boundsOf(init, x, c.unbounded)
		if !ok || got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	for name, x := range map[string][]float32{"one value": {2, 2}, "nothing finite": {nan, inf}, "one finite": {nan, 1}} {
		if b, ok := boundsOf(initializer(t, onnxpb.TensorProto_FLOAT, x), x, true); ok {
			t.Errorf("%s: %+v", name, b)
		}
	}
}
