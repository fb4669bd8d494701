package advparams_test

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// TestSquashed: numbers that an activation holds at its ends can be locked, though they have no
// gradient there, and what is locked are the numbers themselves.
func TestSquashed(t *testing.T) {
	for activation, scale := range map[string]float32{"Softmax": 200, "Sigmoid": 200, "Tanh": 3000, "Clip": 3000} {
		model, locked := sure(t, activation, scale), filepath.Join(t.TempDir(), "locked.onnx")
		data := func(seed uint64) advparams.Data {
			return advparams.Data{Samples: shared(t, seed), Labels: advparams.LabelsOfModel}
		}
		var notices []string
		p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: data(1), Task: task.Outputs{}, Locked: locked, KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1,
			Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
		})
		if err != nil {
			t.Errorf("%s: %v", activation, err)
			continue
		}
		if !strings.Contains(strings.Join(notices, "; "), "hardly a gradient") {
			t.Errorf("%s: %v", activation, notices)
		}
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: locked, Task: task.Outputs{}, Threads: 1, Data: data(2)})
		if err != nil {
			t.Fatal(err)
		}
		if left := *v.Metric.Locked; left > 0.3 {
			t.Errorf("%s: %.2f left of %d changes", activation, left, p.ParamsChanged)
		}
	}
}

// sure is a perceptron whose numbers an activation holds at one of its ends, for each sample. It
// gives them in another order.
func sure(t *testing.T, activation string, scale float32) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 1))
	second := drawn(rng, "v", 16, 4)
	for i := range second.FloatData {
		second.FloatData[i] *= scale
	}
	g := &onnxpb.GraphProto{Name: proto.String("sure"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 6)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", 2, 2)}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "w", 6, 16), second,
		{Name: proto.String("shape"), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{3}, Int64Data: []int64{-1, 2, 2}},
		{Name: proto.String("low"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{-1}},
		{Name: proto.String("high"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{1}},
	}
	last := []string{activation, "s", "p"}
	if activation == "Clip" {
		last = []string{activation, "s", "low", "high", "p"}
	}
	for _, n := range [][]string{{"MatMul", "x", "w", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "v", "z"}, {"Reshape", "z", "shape", "s"}, last} {
		g.Node = append(g.Node, operator(n[0], n[len(n)-1], n[1:len(n)-1]...))
	}
	turned := operator("Transpose", "y", "p")
	turned.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{0, 2, 1}}}
	g.Node = append(g.Node, turned)
	m := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
	return m.Path()
}
