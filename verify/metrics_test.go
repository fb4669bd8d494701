package verify_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

func TestScore(t *testing.T) {
	const close = 1e-12
	for _, c := range []struct {
		name                                   string
		answers, labels                        []int
		classes                                int
		accuracy, chance, information, entropy float64
	}{
		{"all right", []int{0, 1, 2, 3}, []int{0, 1, 2, 3}, 4, 1, 0.25, 2, 2},
		{"one answer for all", []int{1, 1, 1, 1}, []int{0, 1, 2, 3}, 4, 0.25, 0.25, 0, 2},
		{"always wrong, but telling", []int{1, 0, 1, 0}, []int{0, 1, 0, 1}, 2, 0, 0.5, 1, 1},
		{"independent", []int{0, 0, 1, 1}, []int{0, 1, 0, 1}, 2, 0.5, 0.5, 0, 1},
		{"labels of one class", []int{0, 1}, []int{0, 0}, 2, 0.5, 0.5, 0, 0},
		{"half right", []int{0, 0, 0, 1}, []int{0, 0, 1, 1}, 2, 0.75, 0.5, 0.311278124459133, 1},
		{"nothing", nil, nil, 2, 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := verify.Score(c.answers, c.labels, c.classes)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []struct {
				name       string
				have, want float64
			}{
				{"accuracy", m.Accuracy, c.accuracy}, {"chance", m.Chance, c.chance},
				{"information", m.Information, c.information}, {"entropy", m.Entropy, c.entropy},
			} {
				if math.Abs(v.have-v.want) > close {
					t.Errorf("%s is %v, want %v", v.name, v.have, v.want)
				}
			}
		})
	}
}

func TestScoreClasses(t *testing.T) {
	m, err := verify.Score([]int{0, 0, 2}, []int{0, 1, 2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.Class{{Samples: 1, Correct: 1, Answered: 2}, {Samples: 1}, {Samples: 1, Correct: 1, Answered: 1}}
	for i, c := range m.Classes {
		if c != want[i] {
			t.Errorf("class %d: %+v, want %+v", i, c, want[i])
		}
	}
	if r := m.Classes[1].Recall(); r != 0 {
		t.Errorf("recall of a class that is never answered: %v", r)
	}
}

func TestScoreErrors(t *testing.T) {
	for name, c := range map[string]struct{ answers, labels []int }{
		"lengths":         {[]int{0}, []int{0, 1}},
		"label too large": {[]int{0}, []int{2}},
		"label negative":  {[]int{0}, []int{-1}},
	} {
		if _, err := verify.Score(c.answers, c.labels, 2); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

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

func session(t *testing.T, m *onnxio.Model) *gradient.Session {
	t.Helper()
	s, err := gradient.NewSession(m, gradient.Config{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAccuracy(t *testing.T) {
	m := linear(t, 2, 1, 0, 0, 1)
	set := points{x: []float32{1, 0, 0, 1, 3, 2, 1, 2, 5, 4}, labels: []int{0, 1, 0, 1, 1}}
	var seen []int
	got, err := verify.Accuracy(context.Background(), session(t, m), set, func(done int) { seen = append(seen, done) })
	if err != nil {
		t.Fatal(err)
	}
	if got.Correct != 4 || got.Samples != 5 || got.Accuracy != 0.8 {
		t.Errorf("%d of %d right, accuracy %v", got.Correct, got.Samples, got.Accuracy)
	}
	if len(seen) != 3 || seen[2] != 5 {
		t.Errorf("progress %v", seen)
	}
}

func TestAccuracyErrors(t *testing.T) {
	two := linear(t, 2, 1, 0, 0, 1)
	x := []float32{1, 0, 0, 1}
	for name, c := range map[string]struct {
		model *onnxio.Model
		set   points
		want  string
	}{
		"no labels":          {two, points{x, nil}, "no labels"},
		"label out of range": {two, points{x, []int{0, 7}}, "label 7"},
		"one value a sample": {linear(t, 1, 1, 1), points{x, []int{0, 0}}, "one value a sample"},
	} {
		_, err := verify.Accuracy(context.Background(), session(t, c.model), c.set, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}

func TestAccuracyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	set := points{x: make([]float32, 20), labels: make([]int, 10)}
	batches := 0
	_, err := verify.Accuracy(ctx, session(t, linear(t, 2, 1, 0, 0, 1)), set, func(int) { batches++; cancel() })
	if !errors.Is(err, context.Canceled) || batches != 1 {
		t.Errorf("%d batches, then %v", batches, err)
	}
}

func TestSpec(t *testing.T) {
	spec := func(m *onnxio.Model) dataset.Spec {
		look, err := task.Look(m, "")
		if err != nil {
			t.Fatal(err)
		}
		return verify.Spec(look)
	}
	two := spec(linear(t, 2, 1, 0, 0, 1))
	if in := two.Inputs; len(in) != 1 || in[0].Name != "x" || in[0].DType != nd.Float32 || len(in[0].Shape) != 2 || two.Classes != 2 {
		t.Errorf("%+v", two)
	}
	if one := spec(linear(t, 1, 1, 1)); one.Classes != 0 {
		t.Errorf("one value a sample: %+v", one)
	}
}
