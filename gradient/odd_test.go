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

// TestConstantKinds: strings that nothing reads do no harm, and a sparse value is a weight
// like any other.
func TestConstantKinds(t *testing.T) {
	index := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{2}, Int64Data: []int64{1, 4}}
	sparse := &onnxpb.AttributeProto{Name: proto.String("sparse_value"), Type: onnxpb.AttributeProto_SPARSE_TENSOR.Enum(), SparseTensor: &onnxpb.SparseTensorProto{
		Values: &onnxpb.TensorProto{DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{3, -2}}, Indices: index, Dims: []int64{3, 2},
	}}
	text := &onnxpb.AttributeProto{Name: proto.String("value_strings"), Type: onnxpb.AttributeProto_STRINGS.Enum(), Strings: [][]byte{[]byte("a"), []byte("b")}}
	m := newModel().input("x", 1, 3).node("Constant", nil, []string{"w"}, sparse).node("Constant", nil, []string{"names"}, text).
		node("MatMul", []string{"x", "w"}, []string{"y"}).output("y")
	p, err := Compile(m.open(t), Config{Shapes: map[string][]int{"x": {1, 3}}, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := p.Gradients(map[string]nd.Array{"x": nd.Of([]float32{1, 10, 100}, 1, 3)}, Probe)
	if err != nil {
		t.Fatal(err)
	}
	if err := closeTo(out[0], nd.Of([]float32{-200, 3}, 1, 2)); err != nil {
		t.Error(err)
	}
	if g, ok := p.Gradient("w"); !ok || len(g) != 2 || g[0] == 0 || g[1] == 0 {
		t.Errorf("gradient %v", g)
	}
}

// optionalInput makes an input of a model one that may be empty.
func optionalInput(v *onnxpb.ValueInfoProto) {
	v.Type = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_OptionalType{OptionalType: &onnxpb.TypeProto_Optional{ElemType: v.Type}}}
}

// TestOptionals: an optional value is what it holds, in branches and as an input too, and one
// that holds nothing decides a condition.
func TestOptionals(t *testing.T) {
	x := nd.Of([]float32{1, -2, 3}, 1, 3)
	branches := func(m *modelBuilder) *modelBuilder {
		return m.node("OptionalHasElement", []string{"o"}, []string{"has"}).
			node("If", []string{"has"}, []string{"g"},
				graphAttr("then_branch", newModel().node("OptionalGetElement", []string{"o"}, []string{"a"}).output("a")),
				graphAttr("else_branch", newModel().node("Neg", []string{"x"}, []string{"b"}).output("b"))).
			node("Mul", []string{"g", "w"}, []string{"y"}).output("y")
	}
	model := func() *modelBuilder {
		m := newModel().input("x", 1, 3).weight("w", 3)
		m.opset = 18
		return m
	}
	sameModel(t, branches(model().node("Optional", []string{"x"}, []string{"o"})), model().node("Mul", []string{"x", "w"}, []string{"y"}).output("y"), x)
	sameModel(t, branches(model().node("Optional", nil, []string{"o"})), model().node("Neg", []string{"x"}, []string{"n"}).node("Mul", []string{"n", "w"}, []string{"y"}).output("y"), x)
	given := model().node("OptionalGetElement", []string{"x"}, []string{"g"}).node("Mul", []string{"g", "w"}, []string{"y"}).output("y")
	optionalInput(given.graph.Input[0])
	sameModel(t, given, model().node("Mul", []string{"x", "w"}, []string{"y"}).output("y"), x)

	for want, m := range map[string]*modelBuilder{
		"the optional value is empty": model().node("Optional", nil, []string{"o"}).node("OptionalGetElement", []string{"o"}, []string{"y"}),
		"an empty optional value":     model().node("Optional", nil, []string{"o"}).node("Neg", []string{"o"}, []string{"y"}),
		`output "y" is a sequence or`: model().node("Optional", nil, []string{"y"}),
	} {
		if _, err := Compile(m.output("y").open(t), Config{Shapes: map[string][]int{"x": {1, 3}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestMovedAttributes: what became an input is refused as an attribute from then on, and as
// an input before, as onnxruntime does.
func TestMovedAttributes(t *testing.T) {
	build := func(opset int64, input bool, op string) error {
		m := newModel().input("x", 2, 3).ints("axes", 1)
		m.opset = opset
		if input {
			m.node(op, []string{"x", "axes"}, []string{"y"})
		} else {
			m.node(op, []string{"x"}, []string{"y"}, intsAttr("axes", 1))
		}
		_, err := Compile(m.output("y").open(t), Config{Shapes: map[string][]int{"x": {2, 3}}})
		return err
	}
	for op, from := range map[string]int64{"ReduceSum": 13, "ReduceMean": 18} {
		if err := build(from-1, false, op); err != nil {
			t.Error(err)
		}
		if err := build(from, true, op); err != nil {
			t.Error(err)
		}
		if err := build(from, false, op); err == nil || !strings.Contains(err.Error(), `attribute "axes" is input 1 from operator set`) {
			t.Errorf("%s: %v", op, err)
		}
		if err := build(from-1, true, op); err == nil || !strings.Contains(err.Error(), `input 1 is an attribute, "axes", before operator set`) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
