package gradient

import (
	"errors"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// textOf returns an initializer of strings.
func textOf(name string, values ...string) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_STRING)), Dims: []int64{int64(len(values))}}
	for _, v := range values {
		t.StringData = append(t.StringData, []byte(v))
	}
	return t
}

// TestStringInitializers: strings that no node uses do no harm. Class names become
// positions.
func TestStringInitializers(t *testing.T) {
	m := newModel().input("x", 2, 3).node("ArgMax", []string{"x"}, []string{"a"}, intAttr("axis", 1), intAttr("keepdims", 0)).
		node("Gather", []string{"names", "a"}, []string{"label"}).output("label")
	m.graph.Initializer = append(m.graph.Initializer, textOf("names", "x", "y", "z"), textOf("unused", "a"))
	x := nd.Of([]float32{1, 3, 2, 1, 0, 5}, 2, 3)
	p, err := Compile(m.open(t), Config{Shapes: map[string][]int{"x": {2, 3}}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Forward(map[string]nd.Array{"x": x})
	if err != nil {
		t.Fatal(err)
	}
	if err := closeTo(out[0], nd.Of([]int64{1, 2}, 2)); err != nil {
		t.Error(err)
	}
	m = newModel().input("x", 2, 3).node("Cast", []string{"names"}, []string{"y"}, intAttr("to", 1)).output("y")
	m.graph.Initializer = append(m.graph.Initializer, textOf("names", "1"))
	if _, err = Compile(m.open(t), Config{Shapes: map[string][]int{"x": {2, 3}}}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "holds strings") {
		t.Errorf("a Cast of strings: %v", err)
	}
}

// TestSparseInitializers: values lie where indices say, and have gradients.
func TestSparseInitializers(t *testing.T) {
	for _, index := range []*onnxpb.TensorProto{
		{Dims: []int64{2}, Int64Data: []int64{1, 4}},
		{Dims: []int64{2, 2}, Int64Data: []int64{0, 1, 2, 0}},
	} {
		index.DataType = proto.Int32(int32(onnxpb.TensorProto_INT64))
		m := newModel().input("x", 1, 3).node("MatMul", []string{"x", "w"}, []string{"y"}).output("y")
		m.graph.SparseInitializer = append(m.graph.SparseInitializer, &onnxpb.SparseTensorProto{
			Values:  &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{3, -2}},
			Indices: index, Dims: []int64{3, 2},
		})
		p, err := Compile(m.open(t), Config{Shapes: map[string][]int{"x": {1, 3}}, Gradients: All})
		if err != nil {
			t.Fatal(err)
		}
		x := map[string]nd.Array{"x": nd.Of([]float32{1, 10, 100}, 1, 3)}
		out, err := p.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		if err := closeTo(out[0], nd.Of([]float32{-200, 3}, 1, 2)); err != nil {
			t.Error(err)
		}
		ones := func(outputs, seeds []nd.Array) (float64, error) {
			seeds[0].Float32s()[0], seeds[0].Float32s()[1] = 1, 1
			return 0, nil
		}
		if _, _, err := p.Gradients(x, ones); err != nil {
			t.Fatal(err)
		}
		g, ok := p.Gradient("w")
		if !ok {
			t.Fatal("no gradient")
		}
		if err := closeTo(nd.Of(g, len(g)), nd.Of([]float32{1, 100}, 2)); err != nil {
			t.Error(err)
		}
	}
}

// TestNotUnderstood: trees and operator sets of the future are said in one line.
func TestNotUnderstood(t *testing.T) {
	forest := newModel().input("x", 2, 3).node("TreeEnsembleRegressor", []string{"x"}, []string{"y"}).output("y")
	forest.graph.Node[0].Domain = proto.String("ai.onnx.ml")
	blocked := newModel().input("x", 2, 3).node("ReorderInput", []string{"x"}, []string{"y"}).output("y")
	blocked.graph.Node[0].Domain = proto.String("com.microsoft.nchwc")
	future := relu()
	future.opset = 99
	for want, m := range map[string]*modelBuilder{
		"not a neural network: it contains decision trees, which have no gradients":                                               forest,
		"onnxruntime saved it for one kind of processor (com.microsoft.nchwc); save it with optimisation level extended or below": blocked,
		`Relu "Relu_0" (opset 99): the newest operator set that is known is 28`:                                                   future,
	} {
		p := m.proto()
		p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(3)}, &onnxpb.OperatorSetIdProto{Domain: proto.String("com.microsoft.nchwc"), Version: proto.Int64(1)})
		_, err := Compile(testmodel.Open(t, p), Config{Shapes: map[string][]int{"x": {2, 3}}})
		if !errors.Is(err, ErrUnsupported) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
