package task

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// layered is a model of a linear layer and of these nodes and outputs, which is read as from a stranger.
func layered(t *testing.T, outputs []*onnxpb.ValueInfoProto, nodes ...*onnxpb.NodeProto) *onnxio.Model {
	weights := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{2, 3}, FloatData: []float32{1, -2, 3, 0.5, 2, -1}}
	return testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{protoValue("x", -1, 2)}, Output: outputs, Initializer: []*onnxpb.TensorProto{weights},
			Node: append([]*onnxpb.NodeProto{protoNode("MatMul", "scores", nil, "x", "w")}, nodes...),
		},
	})
}

// TestManyOutputs: a model of very many outputs is looked at in a time that does not grow with the
// square of their number, also output by output. 10,000 took minutes.
func TestManyOutputs(t *testing.T) {
	const many = 10_000
	var outputs []*onnxpb.ValueInfoProto
	var nodes []*onnxpb.NodeProto
	var names []string
	at := "scores"
	for i := range many {
		next, class, y := fmt.Sprint("passed", i), fmt.Sprint("class", i), fmt.Sprint("y", i)
		nodes = append(nodes, protoNode("Identity", next, nil, at), protoNode("ArgMax", class, map[string][]int64{"axis": {1}}, next), protoNode("Relu", y, nil, at))
		at = next
		classes := protoValue(class, -1, 1)
		classes.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
		outputs = append(outputs, protoValue(y, -1, 3), classes)
		if names = append(names, y); i == 0 {
			names = append(names, class) // the first of those that have the same scores
		}
	}
	look, err := Look(layered(t, outputs, nodes...), "")
	if err != nil || !slices.Equal(look.Floats, names) {
		t.Fatalf("%d outputs of floats, not %d, %v", len(look.Floats), len(names), err)
	}
	for _, name := range names {
		if one := look.At(name); one.Output != name || !one.Named || one.Kind != KindChoice && one.Kind != KindLinear || look.Chooses(name) != (name == "class0") {
			t.Fatalf("%s: %+v", name, one)
		}
	}
}

// TestDoubled: a value that is added to itself again and again is looked at once a time.
func TestDoubled(t *testing.T) {
	for _, op := range []string{"Add", "Concat"} {
		var nodes []*onnxpb.NodeProto
		at := "scores"
		for i := range maxSteps / 2 {
			next := fmt.Sprint("twice", i)
			nodes = append(nodes, protoNode(op, next, map[string][]int64{"axis": {-2}}, at, at))
			at = next
		}
		if op == "Add" {
			for _, n := range nodes {
				n.Attribute = nil
			}
		}
		look, err := Look(layered(t, []*onnxpb.ValueInfoProto{protoValue(at, -1, 3)}, nodes...), "")
		if err != nil || look.Kind != KindLinear || look.Axis != 1 {
			t.Errorf("%s: kind %v on axis %d, %v", op, look.Kind, look.Axis, err)
		}
	}
}
