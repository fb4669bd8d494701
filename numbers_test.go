package advparams_test

import (
	"math"
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
	"github.com/advparams/advparams/task"
)

// TestMaybeNumbers: where nothing in the graph says that a linear layer computes scores of classes,
// a lock by which of them is the largest leaves no numbers that still say what they said, such as
// actions. Who says that they are scores has fewer changes.
func TestMaybeNumbers(t *testing.T) {
	model := denseOf(t, "batch", "Identity", 96, 24)
	left, changed := map[bool]float64{}, map[bool]int{}
	for _, told := range []bool{false, true} {
		var notices []string
		locked, key := filepath.Join(t.TempDir(), "locked.onnx"), filepath.Join(t.TempDir(), "key")
		opt := advparams.ProtectOptions{
			Model: model, Data: advparams.Data{Samples: normals(t, 3, 300, 12), Labels: advparams.LabelsOfModel},
			Locked: locked, Key: key, PlainKey: true, Threads: 1, Notice: func(n advparams.Notice) { notices = append(notices, n.Text) },
		}
		if told {
			opt.Task = task.Classification{}
		}
		r, err := advparams.Protect(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if r.Task != "classification" {
			t.Errorf("task %s", r.Task)
		}
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
			Original: model, Locked: locked, Key: advparams.KeyFile{Path: key}, Task: task.Outputs{}, Threads: 1,
			Data: advparams.Data{Samples: normals(t, 4, 300, 12), Labels: advparams.LabelsOfModel},
		})
		if err != nil {
			t.Fatal(err)
		}
		left[told], changed[told] = *v.Metric.Locked, r.ParamsChanged
		if r.Numbers == nil || math.Abs(*r.Numbers-left[told]) > 0.1 {
			t.Errorf("%v of the numbers are said to be left, %.3f are on other samples", r.Numbers, left[told])
		}
		if warned := strings.Contains(strings.Join(notices, "\n"), "still agree with those of the original"); warned != (*r.Numbers > 0.3) {
			t.Errorf("%.3f of the numbers are left: %q", *r.Numbers, notices)
		}
		if told == strings.Contains(strings.Join(notices, "\n"), "the task is classification, a guess: the output has shape [-1 24] and ends in MatMul; if its numbers are no scores of classes, it is outputs") {
			t.Errorf("task given %v: %q", told, notices)
		}
		// Whoever verifies need not say that the samples have no labels.
		if v, err = advparams.Verify(t.Context(), advparams.VerifyOptions{
			Locked: locked, Key: advparams.KeyFile{Path: key}, Data: advparams.Data{Samples: normals(t, 3, 300, 12)}, Threads: 1,
		}); err != nil {
			t.Fatal(err)
		}
		if v.Task != "classification" || *v.Accuracy.Unlocked != 1 || math.Abs(*v.Accuracy.Locked-*r.Accuracy.Locked) > 1e-9 || !v.Verdict.OK {
			t.Errorf("without labels: %+v", v)
		}
	}
	if left[false] > 0.3 {
		t.Errorf("agreement of %.3f is left", left[false])
	}
	if left[true] < 0.3 {
		t.Skipf("the lock by answers alone leaves only %.3f: another processor, another search", left[true])
	}
	if changed[false] <= changed[true]+16 { // as many as each takes, and not a few
		t.Errorf("%d changes, %d of what is told to be scores", changed[false], changed[true])
	}
}

// TestMaybePoints: places with two numbers each may be points as well as scores of two classes, if a
// linear layer makes them all. A lock by which number is larger leaves no points.
func TestMaybePoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	g := &onnxpb.GraphProto{Name: proto.String("points"), Input: []*onnxpb.ValueInfoProto{floats("x", "batch", 12)}, Output: []*onnxpb.ValueInfoProto{floats("y", "batch", 20, 2)}}
	shape := &onnxpb.TensorProto{Name: proto.String("shape"), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{3}, Int64Data: []int64{-1, 20, 2}}
	g.Initializer = []*onnxpb.TensorProto{drawn(rng, "w", 12, 64), drawn(rng, "b", 64), drawn(rng, "v", 64, 40), drawn(rng, "c", 40), shape}
	g.Node = []*onnxpb.NodeProto{operator("Gemm", "h", "x", "w", "b"), operator("Relu", "r", "h"), operator("Gemm", "z", "r", "v", "c"), operator("Reshape", "y", "z", "shape")}
	model := testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g}).Path()
	locked, key := filepath.Join(t.TempDir(), "locked.onnx"), filepath.Join(t.TempDir(), "key")
	r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Samples: normals(t, 3, 300, 12), Labels: advparams.LabelsOfModel}, Locked: locked, Key: key, PlainKey: true, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
		Original: model, Locked: locked, Key: advparams.KeyFile{Path: key}, Task: task.Outputs{}, Threads: 1,
		Data: advparams.Data{Samples: normals(t, 4, 300, 12), Labels: advparams.LabelsOfModel},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Task != "segmentation" || *v.Metric.Locked > 0.2 {
		t.Errorf("task %s, %d changes, agreement of %.3f is left", r.Task, r.ParamsChanged, *v.Metric.Locked)
	}
}

// normals returns n samples of noise.
func normals(t *testing.T, seed uint64, n, width int) *dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	x := nd.New(nd.Float32, n, width)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "noise")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestEveryAnswerOfNumbers: numbers that are locked beside the answers have no frequent ones, which
// is no reason to refuse them.
func TestEveryAnswerOfNumbers(t *testing.T) {
	r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: dense(t, "batch", "Identity", 3), Data: advparams.Data{Samples: normals(t, 3, 300, 12), Labels: advparams.LabelsOfModel},
		Locked: filepath.Join(t.TempDir(), "locked.onnx"), Key: filepath.Join(t.TempDir(), "key"), PlainKey: true, Threads: 1, EveryAnswer: true,
	})
	if err != nil || r.Task != "classification" || r.Rest != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
