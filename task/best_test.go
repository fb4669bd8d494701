package task

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// topK is a model [N,3] → scores [N,6] that ends in a TopK of some attributes.
func topK(t *testing.T, k int64, attrs map[string][]int64, outputs ...string) *view {
	t.Helper()
	best := protoNode("TopK", "numbers", attrs, "scores", "k")
	best.Output = append(best.Output, "best")
	integers := int32(onnxpb.TensorProto_INT64)
	g := &onnxpb.GraphProto{
		Name: proto.String("best"), Input: []*onnxpb.ValueInfoProto{protoValue("x", -1, 3)},
		Initializer: []*onnxpb.TensorProto{
			{Name: proto.String("w"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{3, 6}, FloatData: make([]float32, 18)},
			{Name: proto.String("k"), DataType: &integers, Dims: []int64{1}, Int64Data: []int64{k}},
		},
		Node: []*onnxpb.NodeProto{protoNode("MatMul", "scores", nil, "x", "w"), best, protoNode("Identity", "again", nil, "numbers")},
	}
	for _, name := range outputs {
		v := protoValue(name, -1, k)
		if name == "best" {
			v.Type.GetTensorType().ElemType = &integers
		}
		g.Output = append(g.Output, v)
	}
	v, err := viewOf(testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(13)}}, Graph: g}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestBestFew: which are the best few counts by the scores of all, and more than their numbers.
func TestBestFew(t *testing.T) {
	for _, c := range []struct {
		k       int64
		attrs   map[string][]int64
		outputs []string
		usual   string
		floats  []string
		task    Task
	}{
		{2, nil, []string{"best"}, "best", []string{"best"}, Outputs{}},
		{1, nil, []string{"best"}, "best", []string{"best"}, Classification{}},
		{2, map[string][]int64{"axis": {1}, "largest": {1}}, []string{"again", "best"}, "best", []string{"again", "best"}, Outputs{}},
		{2, nil, []string{"numbers"}, "numbers", []string{"numbers"}, Outputs{}},
		{2, map[string][]int64{"largest": {0}}, []string{"best"}, "best", nil, nil},
		{2, map[string][]int64{"largest": {0}}, []string{"again", "best"}, "again", []string{"again"}, Outputs{}},
	} {
		v := topK(t, c.k, c.attrs, c.outputs...)
		look := v.look("")
		if v.usual.GetName() != c.usual || !slices.Equal(look.Floats, c.floats) {
			t.Errorf("top %d, %v, of %q: answers in %q, outputs %q", c.k, c.attrs, c.outputs, v.usual.GetName(), look.Floats)
		}
		if c.task == nil {
			continue
		}
		shape := map[string][]int{"best": {1, 6}, "numbers": {1, int(c.k)}, "again": {1, int(c.k)}}
		look = look.Settled(look.Axes, shape)
		if kind, why, err := Guess(look, nd.Array{}, true); err != nil || kind.Name() != c.task.Name() {
			t.Errorf("top %d, %v, of %q: %v, %s, %v", c.k, c.attrs, c.outputs, kind, why, err)
		}
		labels := nd.Of([]int64{5, 0, 3}, 3)
		if kind, why, err := Guess(look, labels, false); c.usual == "best" && (err != nil || kind.Name() != Classification{}.Name()) {
			t.Errorf("top %d, %v, of %q with labels: %v, %s, %v", c.k, c.attrs, c.outputs, kind, why, err)
		}
	}
}

// TestScoredFew: of the best few classes, the first has the highest score.
func TestScoredFew(t *testing.T) {
	o := Outlook{Shape: []int{-1, 4, 2}, Axis: 1, several: true}
	y, err := o.Scored(nd.Of([]int64{3, 0, 1, 2}, 1, 2, 2)) // 3, then 1; 0, then 2
	if want := []float32{0, 1, 0.5, 0, 0, 0.5, 1, 0}; err != nil || !slices.Equal(y.Shape, []int{1, 4, 2}) || !slices.Equal(y.Float32s(), want) {
		t.Errorf("%v, want %v; %v", y, want, err)
	}
	o.several = false
	if y, err := o.Scored(nd.Of([]int64{3, 0, 1, 2}, 1, 2, 2)); err == nil {
		t.Errorf("two classes chosen by one ArgMax give %v", y)
	}
}
