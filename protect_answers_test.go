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
	model := swamped(t, 8, 4, 1, "Identity")
	var locked bytes.Buffer
	var notices []string
	p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: shared(t, 1), Labels: advparams.LabelsOfModel}, Task: task.Outputs{},
		LockedTo: &locked, KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1,
		Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "locked.onnx")
	if err := os.WriteFile(path, locked.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []task.Task{task.Outputs{}, task.Classification{}} {
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
			Original: model, Locked: path, Task: kind, Threads: 1, Data: advparams.Data{Samples: shared(t, 2), Labels: advparams.LabelsOfModel},
		})
		if err != nil && !errors.Is(err, advparams.ErrTarget) {
			t.Fatal(err)
		}
		if left := *v.Metric.Locked; left > 0.5 {
			t.Errorf("%s: %.2f left of %d changes", kind.Name(), left, p.ParamsChanged)
		}
	}
	if !strings.Contains(strings.Join(notices, "; "), "the largest of them is still where it was") {
		t.Skipf("another processor, another lock, which shows nothing: %v", notices)
	}
}

// swamped is a perceptron with some scores, to which sums of the features are added: one to all of
// them, or one to each. Sums are small, but their weights have a long range: the last feature is
// nearly 0.
func swamped(t *testing.T, seed uint64, scores, sums int, last string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	c := drawn(rng, "c", 6, int64(sums))
	for i := range c.FloatData {
		c.FloatData[i] /= 50
	}
	c.FloatData[5*sums] = 60
	g := &onnxpb.GraphProto{Name: proto.String("swamped"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 6)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", scores)}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "w", 6, 16), drawn(rng, "v", 16, int64(scores)), c}
	for _, n := range [][]string{{"MatMul", "x", "w", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "v", "s"}, {"MatMul", "x", "c", "sum"}, {"Add", "s", "sum", "z"}, {last, "z", "y"}} {
		g.Node = append(g.Node, operator(n[0], n[len(n)-1], n[1:len(n)-1]...))
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
	return m.Path()
}

// shared returns samples whose last feature is nearly 0, and that before it nearly 1.
func shared(t *testing.T, seed uint64) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	x := nd.New(nd.Float32, 400, 6)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
		if i%6 >= 4 {
			x.Float32s()[i] = x.Float32s()[i]/1000 + float32(5-i%6)
		}
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "features")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestLockDifferences: answers that are all one class, and scores that say nothing one by one, may leave
// what scores exceed one another by. Whoever adds a number to each class has the answers again.
func TestLockDifferences(t *testing.T) {
	for _, seed := range []uint64{4, 7, 8} {
		model, locked := swamped(t, seed, 4, 1, "Identity"), filepath.Join(t.TempDir(), "locked.onnx")
		data := func(seed uint64) advparams.Data {
			return advparams.Data{Samples: shared(t, seed), Labels: advparams.LabelsOfModel}
		}
		p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{Model: model, Data: data(1), Locked: locked, KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: locked, Task: task.Outputs{Differences: true}, Threads: 1, Data: data(2)})
		if err != nil {
			t.Fatal(err)
		}
		if left := *v.Metric.Locked; p.Task != "classification" || left > 0.3 {
			t.Errorf("seed %d, %s: %.2f of the differences left, %.2f reported", seed, p.Task, left, *p.Numbers)
		}
	}
}

// TestLockScores: one of two answers that wins everywhere leaves scores that another threshold
// reads.
func TestLockScores(t *testing.T) {
	model, locked := swamped(t, 1, 2, 2, "Softmax"), filepath.Join(t.TempDir(), "locked.onnx")
	data := func(seed uint64) advparams.Data {
		return advparams.Data{Samples: shared(t, seed), Labels: advparams.LabelsOfModel}
	}
	var notices []string
	_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: data(1), Locked: locked, KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1,
		Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: locked, Task: task.Classification{}, Threads: 1, Data: data(2)})
	if err != nil {
		t.Fatal(err)
	}
	if before, after := v.Report.Original.Ranking, v.Report.Locked.Ranking; before.Beyond() < 0.9 || after.Beyond() > 0.5 {
		t.Errorf("the area under the ROC curve is %.3f, locked %.3f", before.AUC, after.AUC)
	}
	if !strings.Contains(strings.Join(notices, "; "), "with another threshold, the scores still tell the two classes apart") {
		t.Skipf("another processor, another lock, which shows nothing: %v", notices)
	}
}
