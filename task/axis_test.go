package task

import (
	"encoding/binary"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func protoNode(op, out string, attributes map[string][]int64, in ...string) *onnxpb.NodeProto {
	n := &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
	for name, v := range attributes {
		a := &onnxpb.AttributeProto{Name: proto.String(name), Ints: v, Type: onnxpb.AttributeProto_INTS.Enum()}
		if name == "axis" || name == "largest" {
			a.I, a.Ints, a.Type = proto.Int64(v[0]), nil, onnxpb.AttributeProto_INT.Enum()
		}
		n.Attribute = append(n.Attribute, a)
	}
	return n
}

func protoValue(name string, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d == 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape},
	}}}
}

// TestAxis: the class axis is the one that the graph says, seen through views.
func TestAxis(t *testing.T) {
	type attributes = map[string][]int64
	for _, c := range []struct {
		name  string
		shape []int64 // of the output y
		nodes []*onnxpb.NodeProto
		kind  Kind
		axis  int
	}{
		{"softmax over the last axis", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("Softmax", "y", attributes{"axis": {2}}, "x")}, KindChoice, 2},
		{"softmax by default", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("LogSoftmax", "y", nil, "x")}, KindChoice, 2},
		{"softmax over channels", []int64{0, 5, 8, 8}, []*onnxpb.NodeProto{protoNode("Softmax", "y", attributes{"axis": {1}}, "x")}, KindChoice, 1},
		{"softmax, transposed", []int64{0, 97, 40}, []*onnxpb.NodeProto{protoNode("Softmax", "s", attributes{"axis": {-1}}, "x"), protoNode("Transpose", "y", attributes{"perm": {0, 2, 1}}, "s")}, KindChoice, 1},
		{"argmax beside", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("Add", "y", nil, "x", "w"), protoNode("ArgMax", "z", attributes{"axis": {2}}, "y")}, KindChoice, 2},
		{"product", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("MatMul", "m", nil, "x", "w"), protoNode("Add", "y", nil, "m", "w")}, KindLinear, 2},
		{"convolution", []int64{0, 5, 8, 8}, []*onnxpb.NodeProto{protoNode("Conv", "c", nil, "x", "w"), protoNode("Sigmoid", "y", nil, "c")}, KindLinear, 1},
		{"convolution, channels last", []int64{0, 8, 8, 5}, []*onnxpb.NodeProto{protoNode("Conv", "c", nil, "x", "w"), protoNode("Transpose", "y", attributes{"perm": {0, 2, 3, 1}}, "c")}, KindLinear, 3},
		{"reshaped to rows", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("MatMul", "m", nil, "x", "w"), protoNode("Reshape", "y", nil, "m", "rows")}, KindLinear, 2},
		{"reshaped to what is not known", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("MatMul", "m", nil, "x", "w"), protoNode("Reshape", "y", nil, "m", "x")}, KindUnknown, 0},
		{"boxes and scores", []int64{0, 84, 100}, []*onnxpb.NodeProto{protoNode("Conv", "b", nil, "x", "w"), protoNode("Conv", "c", nil, "x", "w"), protoNode("Sigmoid", "s", nil, "c"), protoNode("Concat", "y", attributes{"axis": {1}}, "b", "s")}, KindUnknown, 0},
		{"levels of one head", []int64{0, 84, 100}, []*onnxpb.NodeProto{protoNode("Conv", "b", nil, "x", "w"), protoNode("Conv", "c", nil, "x", "w"), protoNode("Concat", "y", attributes{"axis": {2}}, "b", "c")}, KindLinear, 1},
		{"features", []int64{0, 40, 384}, []*onnxpb.NodeProto{protoNode("LayerNormalization", "y", nil, "x", "w")}, KindFeatures, 2},
		{"unit vectors", []int64{0, 384}, []*onnxpb.NodeProto{protoNode("ReduceL2", "l", nil, "x"), protoNode("Div", "y", nil, "x", "l")}, KindFeatures, 1},
		{"product of what is quantised at run time", []int64{0, 40, 97}, []*onnxpb.NodeProto{
			{OpType: proto.String("DynamicQuantizeLinear"), Input: []string{"x"}, Output: []string{"q", "scale", "zero"}},
			protoNode("MatMulInteger", "m", nil, "q", "w", "zero"), protoNode("Cast", "c", nil, "m"), protoNode("Mul", "scales", nil, "scale", "w"),
			protoNode("Mul", "p", nil, "c", "scales"), protoNode("Add", "y", nil, "w", "p"),
		}, KindLinear, 2},
		{"levels of a spectrogram", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("MatMul", "m", nil, "x", "w"), protoNode("Log", "y", nil, "m")}, KindUnknown, 0},
		{"log of a softmax", []int64{0, 40, 97}, []*onnxpb.NodeProto{protoNode("Softmax", "s", attributes{"axis": {2}}, "x"), protoNode("Log", "y", nil, "s")}, KindChoice, 2},
		{"softmax in parts", []int64{0, 40, 97}, []*onnxpb.NodeProto{
			protoNode("Exp", "e", nil, "x"), protoNode("ReduceSum", "s", attributes{"axes": {2}}, "e"), protoNode("Reshape", "r", nil, "s", "rows"),
			protoNode("Expand", "f", nil, "r", "rows"), protoNode("Div", "y", nil, "e", "f"),
		}, KindChoice, 2},
		{"a quotient by a sum of something else", []int64{0, 40, 97}, []*onnxpb.NodeProto{
			protoNode("Exp", "e", nil, "x"), protoNode("ReduceSum", "s", attributes{"axes": {2}}, "x"), protoNode("Div", "y", nil, "e", "s"),
		}, KindUnknown, 0},
		{"a squeezed axis", []int64{0, 5}, []*onnxpb.NodeProto{protoNode("Softmax", "s", attributes{"axis": {2}}, "x"), protoNode("Squeeze", "y", attributes{"axes": {1}}, "s")}, KindChoice, 1},
	} {
		rows := &onnxpb.TensorProto{Name: proto.String("rows"), Dims: []int64{3}, DataType: proto.Int32(int32(onnxpb.TensorProto_INT64))}
		for _, v := range []int64{-1, 40, 97} {
			rows.RawData = binary.LittleEndian.AppendUint64(rows.RawData, uint64(v))
		}
		m := testmodel.Open(t, &onnxpb.ModelProto{
			IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
			Graph: &onnxpb.GraphProto{
				Name: proto.String("axes"), Input: []*onnxpb.ValueInfoProto{protoValue("x", 0, 3, 8, 8)}, Output: []*onnxpb.ValueInfoProto{protoValue("y", c.shape...)},
				Node:        c.nodes,
				Initializer: []*onnxpb.TensorProto{rows, {Name: proto.String("w"), Dims: []int64{1}, DataType: proto.Int32(1), FloatData: []float32{1}}},
			},
		})
		got, err := Look(m, "")
		if err != nil || got.Kind != c.kind || got.Axis != c.axis {
			t.Errorf("%s: kind %d, axis %d, %v; want kind %d, axis %d", c.name, got.Kind, got.Axis, err, c.kind, c.axis)
		}
	}
}

// TestSegmentationAxis: the answers are those along the axis that the graph says.
func TestSegmentationAxis(t *testing.T) {
	y := nd.Of([]float32{0, 9, 0, 0, 0, 9}, 1, 2, 3) // the largest of each row: 1, 2
	for _, c := range []struct {
		axis int
		want []int64
	}{{2, []int64{1, 2}}, {1, []int64{0, 0, 1}}} {
		kind := For(Segmentation{}, Outlook{Shape: []int{-1, 2, 3}, Kind: KindChoice, Axis: c.axis})
		got, err := kind.Answers([]nd.Array{y})
		if err != nil || !slices.Equal(got.Int64s(), c.want) {
			t.Errorf("axis %d: %v, %v, want %v", c.axis, got, err, c.want)
		}
	}
}
