package advparams_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// ratings is a model that rates goods for users, [N,2] numbers of both, by products of embeddings.
func ratings(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1))
	ints := func(name string, v ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v}
	}
	pair := floats("pair", "N", 2)
	pair.GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	return testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("ratings"), Input: []*onnxpb.ValueInfoProto{pair}, Output: []*onnxpb.ValueInfoProto{floats("rating", "N", 1)},
			Initializer: []*onnxpb.TensorProto{drawn(rng, "users", 40, 4), drawn(rng, "goods", 30, 4), drawn(rng, "liked", 30, 1), ints("0", 0), ints("1", 1), ints("2", 2)},
			Node: []*onnxpb.NodeProto{
				operator("Slice", "user", "pair", "0", "1", "1"), operator("Slice", "good", "pair", "1", "2", "1"),
				operator("Squeeze", "u", "user", "1"), operator("Squeeze", "g", "good", "1"),
				operator("Gather", "one", "users", "u"), operator("Gather", "other", "goods", "g"), operator("Gather", "known", "liked", "g"),
				operator("Mul", "products", "one", "other"), operator("ReduceSum", "product", "products", "1"), operator("Add", "rating", "product", "known"),
			},
		},
	}).Path()
}

// TestFewSamples: with few samples and no labels, the lock has to hold on samples that are put
// together from them, and that changes are in rows of tables, which other samples do not meet, is
// said.
func TestFewSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	pairs := func(n int) nd.Array {
		x := nd.New(nd.Int64, n, 2)
		for i := range n {
			x.Int64s()[2*i], x.Int64s()[2*i+1] = rng.Int64N(8), rng.Int64N(6)
		}
		return x
	}
	model := ratings(t)
	for _, n := range []int{64, 400} {
		dir, told := t.TempDir(), ""
		r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: advparams.Data{Path: arrays(t, dataset.Named{Name: "pair", Array: pairs(n)}), Labels: advparams.LabelsOfModel},
			Locked: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "key"), PlainKey: true, Threads: 1,
			Notice: func(x advparams.Notice) { told += x.Text + "\n" },
		})
		if err != nil {
			t.Fatal(err)
		}
		switch few := n <= 256; {
		case few && (len(r.Families) != 1 || r.Families[0].Agreement > 0.3 || r.Families[0].Samples < 2*n):
			t.Errorf("%d samples: judged on %+v", n, r.Families)
		case !few && r.Families != nil:
			t.Errorf("%d samples: judged on %+v", n, r.Families)
		}
		if !strings.Contains(told, "rows of tables") || !strings.Contains(told, "of 30:") && !strings.Contains(told, "of 40:") && !strings.Contains(told, "of 60:") && !strings.Contains(told, "of 70:") && !strings.Contains(told, "of 100:") {
			t.Errorf("%d samples: told %q", n, told)
		}
	}
}
