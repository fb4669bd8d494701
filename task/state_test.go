package task

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestRecurrentState: a state is told by the operator that leaves it and begins with it, whatever
// its name, and is no answer unless it is the only one.
func TestRecurrentState(t *testing.T) {
	numbers := func(name string, v ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v}
	}
	weights := func(name string, dims ...int64) *onnxpb.TensorProto {
		w := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: dims}
		for i := range dims[0] * dims[1] * dims[2] {
			w.FloatData = append(w.FloatData, float32(i*i%7)/7)
		}
		return w
	}
	memory, frames := protoValue("memory", 2, 1, 4), protoValue("frames", 1, 1, 4)
	after, all, first := protoValue("after", 2, 1, 4), protoValue("all", 1, 1, 4), protoValue("first", 1, 1, 4)
	lstm := protoNode("LSTM", "y", map[string][]int64{"hidden_size": {4}}, "frames", "w", "r", "", "", "h", "c")
	lstm.Output = []string{"y", "hn", "cn"}
	grow := protoNode("Exp", "grown", nil, "memory")
	for _, c := range []struct {
		outputs []*onnxpb.ValueInfoProto
		begin   string // of the first state
		output  string
		floats  []string
	}{
		{[]*onnxpb.ValueInfoProto{after, all}, "memory", "all", []string{"all"}},
		{[]*onnxpb.ValueInfoProto{after, first}, "memory", "first", []string{"first"}},     // of another shape than the state
		{[]*onnxpb.ValueInfoProto{after}, "memory", "", []string{"after"}},                 // all that there is
		{[]*onnxpb.ValueInfoProto{after, all}, "grown", "after", []string{"after", "all"}}, // more than a state
	} {
		m := testmodel.Open(t, &onnxpb.ModelProto{
			IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
			Graph: &onnxpb.GraphProto{
				Name: proto.String("denoiser"), Input: []*onnxpb.ValueInfoProto{frames, memory}, Output: c.outputs,
				Initializer: []*onnxpb.TensorProto{numbers("0", 0), numbers("1", 1), numbers("2", 2), weights("w", 1, 16, 4), weights("r", 1, 16, 4)},
				Node: append(map[string][]*onnxpb.NodeProto{"grown": {grow}}[c.begin],
					protoNode("Slice", "h", nil, c.begin, "0", "1"), protoNode("Slice", "c", nil, "memory", "1", "2"),
					lstm, protoNode("Concat", "after", map[string][]int64{"axis": {0}}, "hn", "cn"),
					protoNode("Sigmoid", "all", nil, "y"), protoNode("Identity", "first", nil, "hn"),
				),
			},
		})
		got, err := Look(m, "")
		if err != nil || got.Output != c.output || !slices.Equal(got.Floats, c.floats) {
			t.Errorf("%d outputs, from %s: output %q, floats %q, %v", len(c.outputs), c.begin, got.Output, got.Floats, err)
		}
	}
}

// TestStackedState: where recurrent layers are written out, their states are what the model takes apart
// and puts together again, and not an image that it changes.
func TestStackedState(t *testing.T) {
	axis := map[string][]int64{"axis": {1}}
	state, next := protoValue("state", 1, 2, 4), protoValue("next", -1, 2, 4)
	parts := protoNode("Split", "a", axis, "state")
	parts.Output = []string{"a", "b"}
	together := protoNode("Concat", "next", axis, "c", "b")
	for _, c := range []struct {
		nodes  []*onnxpb.NodeProto
		output *onnxpb.ValueInfoProto
		want   bool
	}{
		{[]*onnxpb.NodeProto{parts, protoNode("Tanh", "c", nil, "a"), together}, next, true},
		{[]*onnxpb.NodeProto{parts, protoNode("Tanh", "c", nil, "a"), together}, protoValue("next", -1, 2, 5), false},
		{[]*onnxpb.NodeProto{parts, protoNode("Add", "next", nil, "a", "b")}, next, false},
		{[]*onnxpb.NodeProto{parts, protoNode("Tanh", "c", nil, "state"), together}, next, false},
		{[]*onnxpb.NodeProto{protoNode("Slice", "c", nil, "state"), together}, next, false},
	} {
		g := &onnxpb.GraphProto{Node: c.nodes, Input: []*onnxpb.ValueInfoProto{state}, Output: []*onnxpb.ValueInfoProto{c.output}}
		if s := statesOf(g); s.carried(c.output) != c.want || s.takenAgain()["state"] != c.want {
			t.Errorf("%v: %v, want %v", c.nodes, !c.want, c.want)
		}
	}
}
