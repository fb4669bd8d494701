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

// TestLockSingle: one of many numbers that has weights of its own is locked as well, although the mean
// over all of them says nothing without it.
func TestLockSingle(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	g := &onnxpb.GraphProto{Name: proto.String("one"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 6)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", 41)}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "narrow", 6, 2), drawn(rng, "wide", 2, 40), drawn(rng, "own", 6, 1)}
	for _, n := range [][]string{{"MatMul", "x", "narrow", "a"}, {"Tanh", "a", "b"}, {"MatMul", "b", "wide", "c"}, {"MatMul", "x", "own", "d"}} {
		g.Node = append(g.Node, operator(n[0], n[len(n)-1], n[1:len(n)-1]...))
	}
	joined := operator("Concat", "y", "c", "d")
	joined.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("axis"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}}
	g.Node = append(g.Node, joined)
	m := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
	var notices []string
	p, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: m.Path(), Data: advparams.Data{Samples: shared(t, 1), Labels: advparams.LabelsOfModel}, Task: task.Outputs{},
		Locked: filepath.Join(t.TempDir(), "locked.onnx"), KeyTo: new(bytes.Buffer), PlainKey: true, Threads: 1,
		Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
	})
	if err != nil {
		t.Fatal(err, notices)
	}
	own := 0
	for _, c := range p.Changes {
		if c.Tensor == "own" {
			own++
		}
	}
	if own == 0 || !strings.Contains(strings.Join(notices, "; "), "one still says what it said") {
		t.Errorf("%d of %d changes are in the weights of one number; %v", own, p.ParamsChanged, notices)
	}
}
