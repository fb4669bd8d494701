package advparams_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// recommender is a network that ends in a TopK, of which some outputs are the model's.
func recommender(t *testing.T, outputs ...*onnxpb.ValueInfoProto) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1))
	best := operator("TopK", "numbers", "scores", "k")
	best.Output = append(best.Output, "best")
	return testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("recommender"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 12)}, Output: outputs,
			Initializer: []*onnxpb.TensorProto{
				drawn(rng, "u", 12, 32), drawn(rng, "v", 32, 24),
				{Name: proto.String("k"), DataType: (*int32)(onnxpb.TensorProto_INT64.Enum()), Dims: []int64{1}, Int64Data: []int64{4}},
			},
			Node: []*onnxpb.NodeProto{operator("MatMul", "a", "x", "u"), operator("Tanh", "b", "a"), operator("MatMul", "scores", "b", "v"), best},
		},
	}).Path()
}

// TestBestFew: a model whose outputs are the best few of its scores is locked by all scores, here and in
// onnxruntime. If there are only the numbers of the best few, these are locked; that they still come in the
// order of their size is no answer.
func TestBestFew(t *testing.T) {
	best := floats("best", "batch", 4)
	best.GetType().GetTensorType().ElemType = (*int32)(onnxpb.TensorProto_INT64.Enum())
	for _, outputs := range [][]*onnxpb.ValueInfoProto{{best}, {floats("numbers", "batch", 4), best}, {floats("numbers", "batch", 4)}} {
		t.Run(fmt.Sprint(len(outputs), outputs[0].GetName()), func(t *testing.T) {
			locked, key := filepath.Join(t.TempDir(), "locked.onnx"), filepath.Join(t.TempDir(), "key")
			r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
				Model: recommender(t, outputs...), Data: advparams.Data{Samples: normals(t, 1, 300, 12), Labels: advparams.LabelsOfModel}, Locked: locked, Key: key, PlainKey: true, Threads: 1,
			})
			if err != nil || r.Task != "outputs" || r.Metric.Locked > 0.1 {
				t.Fatalf("%+v, %v", r, err)
			}
			if slices.Contains(outputs, best) {
				if got := r.Outputs; len(got) != 1 || got[0].Name != "best" || got[0].By != "answers" || got[0].Intact {
					t.Errorf("the best of all is still there: %+v", got)
				}
			}
			options := advparams.VerifyOptions{Locked: locked, Key: advparams.KeyFile{Path: key}, Data: advparams.Data{Samples: normals(t, 2, 300, 12), Labels: advparams.LabelsOfModel}, Threads: 1}
			v, err := advparams.Verify(t.Context(), options)
			if err != nil || *v.Metric.Locked > 0.15 || *v.Metric.Unlocked != 1 {
				t.Fatalf("%+v, %v", v, err)
			}
			options.Runtime, options.Python = advparams.OnnxRuntime, pythonWithRuntime(t)
			v, err = advparams.Verify(t.Context(), options)
			if err != nil || v.Runtime.Metrics[0].Locked > 0.15 {
				t.Errorf("in onnxruntime: %+v, %v", v, err)
			}
		})
	}
}
