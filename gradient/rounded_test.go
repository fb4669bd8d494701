package gradient

import (
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestRoundedOrigin: the floats behind bytes, whole numbers and masks are found, and where others say
// more none are.
func TestRoundedOrigin(t *testing.T) {
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}}
	}
	value := func(name string, kind onnxpb.TensorProto_DataType) *onnxpb.ValueInfoProto {
		v := named(name, 1)
		v.GetType().GetTensorType().ElemType = (*int32)(kind.Enum())
		return v
	}
	half := "half"
	nodes := []*onnxpb.NodeProto{
		node("Sigmoid", "p", "x"), node("Round", "whole", "p"), node("Cast", "bytes", "whole"), node("Tile", "image", "bytes", "shape"),
		node("Greater", "mask", "p", half), node("Not", "other", "mask"), node("Greater", "larger", "p", "x"),
		node("NonZero", "where", "x"), node("ArgMax", "class", "p"), node("Cast", "loop", "loop"),
		node("Cast", "number", "mask"), node("Gather", "label", half, "number"), node("Gather", "row", "x", "number"), node("ArrayFeatureExtractor", "text", half, "class"),
	}
	const bytes, bits, ints, floats = onnxpb.TensorProto_UINT8, onnxpb.TensorProto_BOOL, onnxpb.TensorProto_INT64, onnxpb.TensorProto_FLOAT
	for _, c := range []struct {
		outputs []*onnxpb.ValueInfoProto
		want    string // from which the first is
	}{
		{[]*onnxpb.ValueInfoProto{value("image", bytes)}, "p"},
		{[]*onnxpb.ValueInfoProto{value("bytes", bytes), value("mask", bits)}, "p"},
		{[]*onnxpb.ValueInfoProto{value("other", bits)}, "p"},
		{[]*onnxpb.ValueInfoProto{value("larger", bits)}, ""},
		{[]*onnxpb.ValueInfoProto{value("where", ints)}, ""},
		{[]*onnxpb.ValueInfoProto{value("p", floats)}, ""},
		{[]*onnxpb.ValueInfoProto{value("bytes", bytes), value("p", floats)}, ""},
		{[]*onnxpb.ValueInfoProto{value("bytes", bytes), value("class", ints)}, ""},
		{[]*onnxpb.ValueInfoProto{value("x", ints)}, ""},
		{[]*onnxpb.ValueInfoProto{value("loop", ints)}, ""},
		{[]*onnxpb.ValueInfoProto{value("label", ints)}, "p"},
		{[]*onnxpb.ValueInfoProto{value("label", onnxpb.TensorProto_STRING)}, "p"},
		{[]*onnxpb.ValueInfoProto{value("row", ints)}, ""},
		{[]*onnxpb.ValueInfoProto{value("label", ints), value("text", onnxpb.TensorProto_STRING)}, ""},
	} {
		g := &onnxpb.GraphProto{Node: nodes, Output: c.outputs, Initializer: []*onnxpb.TensorProto{{Name: &half}}}
		if got := OriginsOf(g).Rounded(c.outputs[0].GetName()); got != c.want {
			t.Errorf("%d outputs, %s: from %q, want %q", len(c.outputs), c.outputs[0].GetName(), got, c.want)
		}
	}
}
