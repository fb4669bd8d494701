package task

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestByArgMax: classes that an ArgMax chooses count as an output of their own, unless
// another output has their scores.
func TestByArgMax(t *testing.T) {
	node := func(op, out, in string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String(op), Input: []string{in}, Output: []string{out}}
	}
	value := func(name string, dt int32) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: &dt}}}}
	}
	nodes := []*onnxpb.NodeProto{
		node("Relu", "scores", "x"), node("Softmax", "p", "scores"), node("ArgMax", "k", "p"), node("Cast", "class", "k"),
		node("ArgMax", "again", "scores"), node("Neg", "other", "x"), node("NonZero", "where", "x"),
	}
	const float, integer = 1, 7
	for _, c := range []struct {
		outputs []*onnxpb.ValueInfoProto
		want    []bool
	}{
		{[]*onnxpb.ValueInfoProto{value("class", integer)}, []bool{true}},
		{[]*onnxpb.ValueInfoProto{value("class", integer), value("again", integer)}, []bool{true, false}},
		{[]*onnxpb.ValueInfoProto{value("class", integer), value("scores", float)}, []bool{false, false}},
		{[]*onnxpb.ValueInfoProto{value("p", float), value("class", integer)}, []bool{false, false}},
		{[]*onnxpb.ValueInfoProto{value("other", float), value("class", integer)}, []bool{false, true}},
		{[]*onnxpb.ValueInfoProto{value("where", integer)}, []bool{false}},
	} {
		g := &onnxpb.GraphProto{Node: nodes, Output: c.outputs}
		for i, o := range c.outputs {
			if got := byArgMax(g, o); got != c.want[i] {
				t.Errorf("of %d outputs, %s: %v, want %v", len(c.outputs), o.GetName(), got, c.want[i])
			}
		}
	}
}

// TestScored: classes become scores along their axis.
func TestScored(t *testing.T) {
	o := Outlook{Shape: []int{-1, 3, 2}, Axis: 1}
	want := []float32{0, 1, 0, 0, 1, 0}
	for _, chosen := range []nd.Array{nd.Of([]int64{2, 0}, 1, 2), nd.Of([]float32{2, 0}, 1, 1, 2)} {
		y, err := o.Scored(chosen)
		if err != nil || !slices.Equal(y.Shape, []int{1, 3, 2}) || !slices.Equal(y.Float32s(), want) {
			t.Errorf("%v: %v, %v", chosen.Shape, y, err)
		}
	}
	for _, chosen := range []nd.Array{nd.Of([]int64{3, 0}, 1, 2), nd.Of([]int64{-1, 0}, 1, 2), nd.Of([]int64{1}, 1), nd.Of([]int64{1, 1}, 1, 2, 1)} {
		if y, err := o.Scored(chosen); err == nil {
			t.Errorf("%v gives %v", chosen, y)
		}
	}
	o.Axis = 0
	if _, err := o.Scored(nd.Of([]int64{2, 0}, 1, 2)); err == nil {
		t.Error("no axis is known, and there are scores")
	}
}
