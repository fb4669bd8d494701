package advparams_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// TestNoNumbers: samples that a model answers with what is no number, as a mean over nothing, are
// left out, also if they are most of them, and the lock is found on the others.
func TestNoNumbers(t *testing.T) {
	for _, n := range []int{5, 200} {
		locked, err := lockMeans(t, n)
		if err != nil {
			t.Fatalf("%d without numbers: %v", n, err)
		}
		if want := fmt.Sprintf("%d of 300 samples with what is no number", n); !strings.Contains(locked, want) {
			t.Errorf("%q does not say %q", locked, want)
		}
	}
	_, err := lockMeans(t, 300)
	if _, none := errors.AsType[*samples.NoNumbersError](err); !none {
		t.Errorf("all samples without numbers: %v", err)
	}
}

// lockMeans locks a model that divides by the mean of its inputs, with 300 samples of which zeros are
// 0, and returns the notices.
func lockMeans(t *testing.T, zeros int) (notices string, err error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 1))
	ones := drawn(rng, "ones", 12, 1)
	for i := range ones.FloatData {
		ones.FloatData[i] = 1
	}
	g := &onnxpb.GraphProto{Name: proto.String("mean"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 12)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", 3)}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "w", 12, 16), drawn(rng, "v", 16, 3), ones}
	for _, n := range [][]string{{"MatMul", "x", "w", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "v", "c"}, {"MatMul", "x", "ones", "m"}, {"Div", "c", "m", "d"}, {"Mul", "d", "m", "y"}} {
		g.Node = append(g.Node, operator(n[0], n[len(n)-1], n[1:len(n)-1]...))
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
	set := normals(t, 3, 300, 12)
	batch, err := set.Batch(0, 300)
	if err != nil {
		t.Fatal(err)
	}
	clear(batch["x"].Float32s()[:zeros*12])
	var said []string
	_, err = advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: m.Path(), Data: advparams.Data{Samples: set.WithInputs(batch), Labels: advparams.LabelsOfModel}, Task: task.Outputs{},
		LockedTo: io.Discard, KeyTo: io.Discard, PlainKey: true, Threads: 1, Notice: func(n advparams.Notice) { said = append(said, n.Text) },
	})
	return strings.Join(said, "; "), err
}
