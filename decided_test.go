package advparams_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestDecided: a model of two networks, of which one says whether the other's choice counts, has
// neither floats nor a choice as it is for an output. It is locked by the scores of both.
func TestDecided(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	output := floats("y", "batch", 1)
	output.GetType().GetTensorType().ElemType = (*int32)(onnxpb.TensorProto_INT64.Enum())
	zero := &onnxpb.TensorProto{Name: proto.String("zero"), DataType: (*int32)(onnxpb.TensorProto_INT64.Enum()), Int64Data: []int64{0}}
	g := &onnxpb.GraphProto{
		Name: proto.String("decided"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 12)}, Output: []*onnxpb.ValueInfoProto{output},
		Initializer: []*onnxpb.TensorProto{drawn(rng, "u", 12, 16), drawn(rng, "v", 16, 4), drawn(rng, "w", 16, 6), zero},
	}
	for _, n := range [][]string{
		{"MatMul", "x", "u", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "v", "c"}, {"MatMul", "b", "w", "d"}, {"ArgMax", "c", "first"}, {"ArgMax", "d", "second"},
		{"Equal", "first", "zero", "none"}, {"Where", "none", "zero", "second", "y"},
	} {
		node := operator(n[0], n[len(n)-1], n[1:len(n)-1]...)
		if n[0] == "ArgMax" {
			node.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("axis"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}}
		}
		g.Node = append(g.Node, node)
	}
	model := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g}).Path()
	locked, key := filepath.Join(t.TempDir(), "locked.onnx"), filepath.Join(t.TempDir(), "key")
	r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: normals(t, 1, 300, 12), Labels: advparams.LabelsOfModel}, Locked: locked, Key: key, PlainKey: true, Threads: 1,
	})
	if err != nil || r.Task != "outputs" || r.Metric.Locked > 0.1 {
		t.Fatalf("%+v, %v", r, err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Locked: locked, Key: advparams.KeyFile{Path: key}, Data: advparams.Data{Samples: normals(t, 2, 300, 12), Labels: advparams.LabelsOfModel}, Threads: 1})
	if err != nil || *v.Metric.Locked > 0.15 || *v.Metric.Unlocked != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}
