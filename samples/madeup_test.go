package samples

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/synth"
)

// TestRangesOfWaves: a model that tells waves apart by their lengths answers all shapes alike. It is tried
// in every usual range all the same, since tones tell that it answers there.
func TestRangesOfWaves(t *testing.T) {
	float := int32(onnxpb.TensorProto_FLOAT)
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{}}}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: &float, Shape: shape}}}}
	}
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}}
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("waves"), Input: []*onnxpb.ValueInfoProto{value("x", 1, 64)}, Output: []*onnxpb.ValueInfoProto{value("y", 2)},
			// How much a signal changes in three steps, and how large it is.
			Initializer: []*onnxpb.TensorProto{
				{Name: proto.String("w"), DataType: &float, Dims: []int64{2, 1, 4}, FloatData: []float32{-1, 0, 0, 1, 0, 0, 1.2, 0}},
				{Name: proto.String("v"), DataType: &float, Dims: []int64{2, 2}, FloatData: []float32{1, 0, 0, 1}},
			},
			Node: []*onnxpb.NodeProto{node("Conv", "a", "x", "w"), node("Abs", "b", "a"), node("GlobalAveragePool", "c", "b"), node("Flatten", "d", "c"), node("MatMul", "y", "d", "v")},
		},
	})
	h, err := NewHead(m, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Calibration{Model: m}).tryOn(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if want, _ := synth.Ranges([]int{1, 64}); !slices.Equal(h.Ranges, want) {
		t.Errorf("samples lie %q, want %q", h.Ranges, want)
	}
}
