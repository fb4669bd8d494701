package advparams_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// TestLockAnswers: a weight that adds the same large number to all scores hides each of them and
// leaves the largest where it was. Such a lock is none, whatever task it was found by.
func TestLockAnswers(t *testing.T) {
	m := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: swamped()})
	var locked bytes.Buffer
	var notices []string
	p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: m.Path(), Data: advparams.Data{Samples: shared(t, 1), Labels: advparams.LabelsOfModel}, Task: task.Outputs{},
		LockedTo: &locked, KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1,
		Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(notices, "; "), "the largest of them is still where it was") {
		t.Errorf("the search found another lock: %v", notices)
	}
	path := filepath.Join(t.TempDir(), "locked.onnx")
	if err := os.WriteFile(path, locked.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []task.Task{task.Outputs{}, task.Classification{}} {
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
			Original: m.Path(), Locked: path, Task: kind, Threads: 1, Data: advparams.Data{Samples: shared(t, 2), Labels: advparams.LabelsOfModel},
		})
		if err != nil && !errors.Is(err, advparams.ErrTarget) {
			t.Fatal(err)
		}
		if left := *v.Metric.Locked; left > 0.5 {
			t.Errorf("%s: %.2f left of %d changes", kind.Name(), left, p.ParamsChanged)
		}
	}
}

// swamped is a perceptron with four scores, to each of which the same sum of the features is added.
// The sum is small, but its weights have a long range: the last feature is nearly 0.
func swamped() *onnxpb.GraphProto {
	rng := rand.New(rand.NewPCG(8, 1))
	sum := drawn(rng, "c", 6, 1)
	for i := range sum.FloatData {
		sum.FloatData[i] /= 50
	}
	sum.FloatData[5] = 60
	g := &onnxpb.GraphProto{Name: proto.String("swamped"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 6)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", 4)}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "w", 6, 16), drawn(rng, "v", 16, 4), sum}
	for _, n := range [][]string{{"MatMul", "x", "w", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "v", "s"}, {"MatMul", "x", "c", "all"}, {"Add", "s", "all", "y"}} {
		g.Node = append(g.Node, operator(n[0], n[len(n)-1], n[1:len(n)-1]...))
	}
	return g
}

// shared returns samples whose last feature is nearly 0.
func shared(t *testing.T, seed uint64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	x := nd.New(nd.Float32, 400, 6)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
		if i%6 == 5 {
			x.Float32s()[i] /= 1000
		}
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "features")
	if err != nil {
		t.Fatal(err)
	}
	return set
}
