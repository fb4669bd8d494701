package task

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/testmodel"
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
		{OpType: proto.String("ArrayFeatureExtractor"), Input: []string{"names", "k"}, Output: []string{"label"}},
		node("Log", "logs", "p"), node("Multinomial", "one", "logs"), node("Concat", "action", "one"),
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
		{[]*onnxpb.ValueInfoProto{value("label", integer)}, []bool{true}},
		{[]*onnxpb.ValueInfoProto{value("label", integer), value("p", float)}, []bool{false, false}},
		{[]*onnxpb.ValueInfoProto{value("action", integer), value("class", integer)}, []bool{true, false}},
		{[]*onnxpb.ValueInfoProto{value("action", integer), value("p", float)}, []bool{false, false}},
	} {
		g := &onnxpb.GraphProto{Node: nodes, Output: c.outputs, Initializer: []*onnxpb.TensorProto{{Name: proto.String("names")}}}
		for i, o := range c.outputs {
			if got := choosersOf(g, gradient.Makers(g)).byArgMax(o.GetName()); got != c.want[i] {
				t.Errorf("of %d outputs, %s: %v, want %v", len(c.outputs), o.GetName(), got, c.want[i])
			}
		}
	}
}

// TestDrawnAction: the action that a policy draws is its answer, and numbers that no input has a part
// in are none, such as the version of its format.
func TestDrawnAction(t *testing.T) {
	action := protoValue("action", 1, 1)
	action.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	weights := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{2, 3}, FloatData: []float32{1, -2, 3, 0.5, 2, -1}}
	version := &onnxpb.TensorProto{Name: proto.String("format"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{1}, FloatData: []float32{3}}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(9)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("policy"), Input: []*onnxpb.ValueInfoProto{protoValue("seen", 1, 2)},
			Output: []*onnxpb.ValueInfoProto{protoValue("version", 1), action}, Initializer: []*onnxpb.TensorProto{weights, version},
			Node: []*onnxpb.NodeProto{
				protoNode("MatMul", "scores", nil, "seen", "w"), protoNode("Softmax", "p", map[string][]int64{"axis": {1}}, "scores"), protoNode("Log", "logs", nil, "p"),
				protoNode("Multinomial", "one", nil, "logs"), protoNode("Concat", "action", map[string][]int64{"axis": {1}}, "one"), protoNode("Identity", "version", nil, "format"),
			},
		},
	})
	if scores := gradient.OriginsOf(m.Proto().GetGraph()).Chosen("action"); scores != "p" {
		t.Errorf("chosen from %q, not from the probabilities, whose logarithms may be infinite", scores)
	}
	look, err := Look(m, "")
	if err != nil || look.Output != "action" || !slices.Equal(look.Floats, []string{"action"}) || look.Kind != KindChoice {
		t.Errorf("output %q of %q, kind %v, %v", look.Output, look.Floats, look.Kind, err)
	}
}

// TestOutputsWithoutFloats: where no output of floats says anything, the one with the answers is
// looked at and not the constants beside it.
func TestOutputsWithoutFloats(t *testing.T) {
	for _, c := range []struct {
		look Outlook
		want []string
	}{
		{Outlook{Output: "actions"}, []string{"actions"}},
		{Outlook{Output: "actions", Floats: []string{"values"}}, []string{"values"}},
		{Outlook{}, nil},
	} {
		if got := c.look.Outputs(Outputs{}); !slices.Equal(got, c.want) {
			t.Errorf("%q, %q: %q, want %q", c.look.Output, c.look.Floats, got, c.want)
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
	o.labels = []int64{10, 20, 30}
	if y, err := o.Scored(nd.Of([]int64{30, 10}, 1, 2)); err != nil || !slices.Equal(y.Float32s(), want) {
		t.Errorf("labels: %v, %v", y, err)
	}
	o.Axis = 0
	if _, err := o.Scored(nd.Of([]int64{2, 0}, 1, 2)); err == nil {
		t.Error("no axis is known, and there are scores")
	}
}

// TestUnchecked: nodes that read themselves, or nothing, are looked at without end or panic: nobody
// has checked the graph yet.
func TestUnchecked(t *testing.T) {
	for _, op := range []string{"Log", "Softmax", "Cast", "Clip", "Div", "Multinomial"} {
		for _, in := range [][]string{nil, {"a"}, {"b"}} {
			for _, chooses := range [][]string{{"a"}, nil} {
				m := testmodel.Open(t, &onnxpb.ModelProto{
					IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
					Graph: &onnxpb.GraphProto{
						Node: []*onnxpb.NodeProto{
							{OpType: proto.String("Log"), Input: []string{"a"}, Output: []string{"b"}},
							{OpType: proto.String(op), Input: in, Output: []string{"a"}},
							{OpType: proto.String("ArgMax"), Input: chooses, Output: []string{"y"}},
						},
						Output: []*onnxpb.ValueInfoProto{protoValue("a", 1, 3), protoValue("y", 1, 3)},
					},
				})
				for _, output := range []string{"", "a", "y"} {
					if o, err := Look(m, output); err == nil && o.Output == "" {
						t.Errorf("%s of %q, ArgMax of %q: no output", op, in, chooses)
					}
				}
			}
		}
	}
}

// TestSeveralActions: where a policy chooses several actions at a time, all of them are its answers,
// each by scores of its own, of which some have fewer.
func TestSeveralActions(t *testing.T) {
	actions := protoValue("actions", -1, 2)
	actions.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	matrix := func(name string, width int64, w ...float32) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{2, width}, FloatData: w}
	}
	columns := map[string][]int64{"axis": {1}}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(13)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("policy"), Input: []*onnxpb.ValueInfoProto{protoValue("seen", -1, 2)}, Output: []*onnxpb.ValueInfoProto{actions},
			Initializer: []*onnxpb.TensorProto{matrix("v", 3, 1, 0, 2, 0, 3, 0), matrix("w", 2, 1, -1, 2, -2)},
			Node: []*onnxpb.NodeProto{
				protoNode("MatMul", "a", nil, "seen", "v"), protoNode("ArgMax", "move", columns, "a"),
				protoNode("MatMul", "b", nil, "seen", "w"), protoNode("Softmax", "p", columns, "b"), protoNode("Log", "logs", nil, "p"), protoNode("Multinomial", "jump", nil, "logs"),
				protoNode("Concat", "actions", columns, "move", "jump"),
			},
		},
	})
	look, err := Look(m, "")
	if err != nil || !slices.Equal(look.Floats, []string{"actions"}) || look.Kind != KindChoice {
		t.Fatalf("outputs %q, kind %v, %v", look.Floats, look.Kind, err)
	}
	p, err := gradient.Compile(m, gradient.Config{Axes: look.Axes, Logits: true, Shapes: map[string][]int{"seen": {1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	y, err := p.Forward(map[string]nd.Array{"seen": nd.Of([]float32{1, 2}, 1, 2)})
	if want := []float32{1, 5, 6, -5, 2, -1e4}; err != nil || !slices.Equal(y[0].Shape, []int{1, 3, 2}) || !slices.Equal(y[0].Float32s(), want) {
		t.Errorf("scores %v, want %v; %v", y, want, err)
	}
	look = look.Settled(look.Axes, map[string][]int{"actions": {1, 3, 2}})
	if kind, _, err := Guess(look, nd.Array{}, true); err != nil || kind.Name() != (Segmentation{}).Name() {
		t.Errorf("the task is %v, %v", kind, err)
	}
}
