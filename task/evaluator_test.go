package task_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// linear writes the model y = x·w with x [N,2] and w [2,classes].
func linear(t *testing.T, classes int, weights ...float32) *onnxio.Model {
	t.Helper()
	value := func(name string, width int) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
			Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
				{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}},
				{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(width)}},
			}},
		}}}}
	}
	return testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("linear"),
			Input:  []*onnxpb.ValueInfoProto{value("x", 2)},
			Output: []*onnxpb.ValueInfoProto{value("y", classes)},
			Node:   []*onnxpb.NodeProto{{OpType: proto.String("MatMul"), Input: []string{"x", "w"}, Output: []string{"y"}}},
			Initializer: []*onnxpb.TensorProto{{
				Name: proto.String("w"), Dims: []int64{2, int64(classes)},
				DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: weights,
			}},
		},
	})
}

// points are samples of two features.
type points struct {
	x      []float32
	labels []int
}

func (p points) Len() int      { return len(p.x) / 2 }
func (p points) Labels() []int { return p.labels }
func (p points) Batch(lo, hi int) (map[string]nd.Array, error) {
	return map[string]nd.Array{"x": nd.Of(p.x[2*lo:2*hi], hi-lo, 2)}, nil
}

// evaluator measures in batches of two.
func evaluator(t *testing.T, m *onnxio.Model, kind task.Task) *task.Evaluator {
	t.Helper()
	s, err := gradient.NewSession(m, gradient.Config{Logits: kind.Traits().MeasureLogits}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return &task.Evaluator{Task: kind, Session: s}
}

func TestMeasureClasses(t *testing.T) {
	m := linear(t, 2, 1, 0, 0, 1)
	set := points{x: []float32{1, 0, 0, 1, 3, 2, 1, 2, 5, 4}, labels: []int{0, 1, 0, 1, 1}}
	var seen []int
	got, err := evaluator(t, m, task.Classification{}).Measure(t.Context(), set, func(done int) { seen = append(seen, done) })
	if err != nil {
		t.Fatal(err)
	}
	if right, n := got.Correct(); right != 4 || n != 5 || got.Quality != 0.8 {
		t.Errorf("%d of %d right, accuracy %v", right, n, got.Quality)
	}
	if len(seen) != 3 || seen[2] != 5 {
		t.Errorf("progress %v", seen)
	}
}

func TestMeasureClassesErrors(t *testing.T) {
	two := linear(t, 2, 1, 0, 0, 1)
	x := []float32{1, 0, 0, 1}
	for name, c := range map[string]struct {
		model *onnxio.Model
		set   points
		want  string
	}{
		"no labels":          {two, points{x, nil}, "no labels"},
		"label out of range": {two, points{x, []int{0, 7}}, "label 7"},
		"one value a sample": {linear(t, 1, 1, 1), points{x, []int{0, 0}}, "one value per sample"},
	} {
		_, err := evaluator(t, c.model, task.Classification{}).Measure(t.Context(), c.set, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}

func TestMeasureClassesInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	set := points{x: make([]float32, 20), labels: make([]int, 10)}
	batches := 0
	_, err := evaluator(t, linear(t, 2, 1, 0, 0, 1), task.Classification{}).Measure(ctx, set, func(int) { batches++; cancel() })
	if !errors.Is(err, context.Canceled) || batches != 1 {
		t.Errorf("%d batches, then %v", batches, err)
	}
}

// measured are points with a truth of any kind.
type measured struct {
	points
	truth nd.Array
}

func (m measured) Truth(lo, hi int) nd.Array { return m.truth.Rows(lo, hi) }

func TestMeasure(t *testing.T) {
	m := linear(t, 1, 2, -1)
	x := []float32{1, 0, 0, 1, 3, 2, 1, 2, 5, 4}
	set := measured{points{x: x}, nd.Of([]float32{2, -1, 4, 0, 6}, 5)}
	regression := evaluator(t, m, task.Regression{})
	got, err := regression.Measure(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Classes != nil || !(got.Quality > 0.9) {
		t.Errorf("%+v", got)
	}
	truth, err := regression.Answers(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	set.truth = truth
	if got, err = regression.Measure(t.Context(), set, nil); err != nil || got.Metrics[0].Value != 1 {
		t.Errorf("with the model's own answers: %+v, %v", got, err)
	}
}

// TestCompare: a model agrees with itself, and with a model that exchanges the classes on
// no sample. Labels play no part.
func TestCompare(t *testing.T) {
	original := evaluator(t, linear(t, 2, 1, 0, 0, 1), task.Classification{}).Session
	set := points{x: []float32{1, 0, 0, 1, 3, 2, 1, 2, 5, 4}}
	for _, c := range []struct {
		name    string
		weights []float32
		want    int // samples of five with the same answer
	}{
		{"the same", []float32{1, 0, 0, 1}, 5},
		{"classes exchanged", []float32{0, 1, 1, 0}, 0},
		{"always the first", []float32{1, 0, 1, 0}, 3},
	} {
		got, err := evaluator(t, linear(t, 2, c.weights...), task.Classification{}).Compare(t.Context(), set, original)
		if err != nil {
			t.Fatal(err)
		}
		if right, n := got.Correct(); right != c.want || n != 5 {
			t.Errorf("%s: %d of %d answers are the same, want %d", c.name, right, n, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := evaluator(t, linear(t, 2, 1, 0, 0, 1), task.Classification{}).Compare(ctx, set, original); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestMeasureErrors(t *testing.T) {
	x := points{x: []float32{1, 0, 0, 1}}
	for name, c := range map[string]struct {
		task task.Task
		set  task.Samples
		want string
	}{
		"no labels":    {task.Regression{}, x, "no labels"},
		"no fit":       {task.Regression{}, measured{x, nd.New(nd.Float32, 2, 3)}, "do not fit"},
		"no bits":      {task.Binary{}, measured{x, nd.Of([]float32{0.5, 1}, 2)}, "0 or 1"},
		"no positions": {task.Segmentation{}, measured{x, nd.New(nd.Int64, 2, 4, 4)}, "do not fit"},
	} {
		e := evaluator(t, linear(t, 1, 2, -1), c.task)
		if _, err := e.Measure(t.Context(), c.set, nil); err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}
