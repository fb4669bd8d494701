package gradient

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestDecidedOrigin: the scores behind choices are found where whole numbers are computed from these,
// and not where an output has the choice as it is, or floats have a part in it.
func TestDecidedOrigin(t *testing.T) {
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}}
	}
	value := func(name string, kind onnxpb.TensorProto_DataType) *onnxpb.ValueInfoProto {
		v := named(name, 1)
		v.GetType().GetTensorType().ElemType = (*int32)(kind.Enum())
		return v
	}
	const ints, floats = onnxpb.TensorProto_INT64, onnxpb.TensorProto_FLOAT
	zero := "zero"
	nodes := []*onnxpb.NodeProto{
		node("MatMul", "a", "x", "v"), node("MatMul", "b", "x", "w"), node("ArgMax", "first", "a"), node("Log", "log", "b"), node("ArgMax", "second", "log"),
		node("Equal", "none", "first", "zero"), node("Where", "gated", "none", "zero", "second"), node("Mul", "masked", "first", "mask"),
		node("Greater", "large", "x", "zero"), node("Where", "mixed", "large", "first", "second"), node("Where", "again", "again", "first", "again"),
		node("Identity", "plain", "first"), node("Cast", "rounded", "a"), node("Add", "copied", "mask", "zero"),
	}
	for _, c := range []struct {
		output string
		other  *onnxpb.ValueInfoProto
		want   []string
	}{
		{"gated", nil, []string{"a", "b"}},
		{"masked", nil, []string{"a"}},
		{"again", nil, []string{"a"}}, // a cycle ends
		{"gated", value("a", floats), nil},
		{"gated", value("second", ints), nil},
		{"mixed", nil, nil},
		{"plain", nil, nil},
		{"rounded", nil, nil},
		{"copied", nil, nil},
		{"nowhere", nil, nil},
	} {
		g := &onnxpb.GraphProto{
			Node: nodes, Input: []*onnxpb.ValueInfoProto{value("x", floats), value("mask", ints)}, Output: []*onnxpb.ValueInfoProto{value(c.output, ints)},
			Initializer: []*onnxpb.TensorProto{{Name: &zero}},
		}
		if c.other != nil {
			g.Output = append(g.Output, c.other)
		}
		if got := OriginsOf(g).Decided(c.output); !slices.Equal(got, c.want) {
			t.Errorf("%s, %v: from %q, want %q", c.output, c.other, got, c.want)
		}
	}
}
