package gradient

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// relu is a model y = relu(x), x being FLOAT [-1, 3].
func relu() *modelBuilder {
	return newModel().input("x", -1, 3).node("Relu", []string{"x"}, []string{"y"}).output("y")
}

// TestTypedErrors: errors say in their fields what is wrong, and where. Their text
// names no flags.
func TestTypedErrors(t *testing.T) {
	x := Input{Name: "x", Elem: onnxpb.TensorProto_FLOAT, DType: nd.Float32, Shape: []int{-1, 3}, Dims: []string{"batch", ""}}
	bound := Input{Name: "x", DType: nd.Float32, Shape: []int{2, 3}, Dims: []string{"", ""}, Elem: onnxpb.TensorProto_FLOAT}
	compile := func(m *modelBuilder, cfg Config) func(t *testing.T) error {
		return func(t *testing.T) error {
			_, err := Compile(m.open(t), cfg)
			return err
		}
	}
	forward := func(inputs map[string]nd.Array) func(t *testing.T) error {
		return func(t *testing.T) error {
			p, err := Compile(relu().open(t), Config{Shapes: map[string][]int{"x": {2, 3}}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Forward(inputs)
			return err
		}
	}
	shapes := map[string][]int{"x": {2, 3}}
	noRule := func(logits, seed []float32, label int) float64 { return 0 }
	for _, c := range []struct {
		name string
		err  func(t *testing.T) error
		want error
		text string // part of it
		hint string
	}{
		{"no shape", compile(relu(), Config{}), &MissingInputError{x}, "no data for input x float32[batch,3]", `give an array named "x"`},
		{"shape", compile(relu(), Config{Shapes: map[string][]int{"x": {2, 4}}}), &InputError{x, nd.Float32, []int{2, 4}}, "data of shape [2 4] for input x", ""},
		{"no array", forward(nil), &MissingInputError{bound}, "no data for input x float32[2,3]", `give an array named "x"`},
		{"array of another type", forward(map[string]nd.Array{"x": nd.New(nd.Int64, 2, 3)}), &InputError{bound, nd.Int64, []int{2, 3}}, "data of type int64 for input x float32[2,3]", ""},
		{"array of another shape", forward(map[string]nd.Array{"x": nd.New(nd.Float32, 3, 2)}), &InputError{bound, nd.Float32, []int{3, 2}}, "data of shape [3 2]", ""},
		{"output", compile(relu(), Config{Shapes: shapes, Outputs: []string{"z"}}), &OutputError{"z", []string{"y"}}, `no output "z"`, `it has ["y"]`},
		{"memory", compile(relu().node("Exp", []string{"x"}, []string{"z"}).output("z"), Config{Shapes: map[string][]int{"x": {1 << 16, 3}}, Memory: 1 << 20}), &MemoryError{Limit: 1 << 20}, "too large a batch: the values of a batch need more than 1 MiB of memory", "use smaller batches"},
		{"value", compile(relu().ints("s", 1<<14, 1<<14, 1).node("Expand", []string{"y", "s"}, []string{"z"}).output("z"), Config{Shapes: map[string][]int{"x": {1, 3}}, Memory: 1 << 30}), &LimitError{Bound: BoundValue, Shape: []int{1 << 14, 1 << 14, 3}, Limit: 1 << 28}, "at most 268435456 are supported", ""},
		{"fixed batch", func(t *testing.T) error {
			_, err := NewSession(newModel().input("x", 1<<30, 3).node("Relu", []string{"x"}, []string{"y"}).output("y").open(t), Config{}, 10)
			return err
		}, &MemoryError{Limit: 1 << 28, Fixed: true}, "input x float32[1073741824,3] in batches of 1073741824: too large a batch", "export the model with a smaller batch"},
		{"index", compile(relu().ints("i", 3).node("Gather", []string{"y", "i"}, []string{"z"}, intAttr("axis", 1)).output("z"), Config{Shapes: shapes}), &IndexError{Index: 3, Length: 3}, "index 3 on an axis of 3", "the model looks up numbers below 3 there: use the vocabulary that it was trained with"},
		{"operator", compile(newModel().input("x", 2).node("NoSuchOp", []string{"x"}, []string{"y"}).output("y"), Config{}), &UnsupportedError{Nodes: []string{`NoSuchOp "NoSuchOp_0" (opset 17): operator not implemented`}}, "1 unsupported nodes", ""},
		{"logits of one axis", loss([]nd.Array{nd.New(nd.Float32, 2)}), &LogitsError{nd.Float32, []int{2}}, "the output has shape [2]", ""},
		{"logits that are integers", loss([]nd.Array{nd.New(nd.Int64, 2, 3)}), &LogitsError{nd.Int64, []int{2, 3}}, "not of a floating-point type", ""},
		{"no logits", loss(nil), &LogitsError{}, "there is no output", ""},
		{"label", func(*testing.T) error {
			_, err := PerSample([]int{1, 3}, noRule)([]nd.Array{nd.New(nd.Float32, 2, 3)}, nil)
			return err
		}, &LabelError{1, 3, 3}, "label 3, but the model has 3 classes", "labels count classes from 0 to 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.err(t)
			if err == nil {
				t.Fatal("no error")
			}
			got := reflect.New(reflect.TypeOf(c.want))
			if !errors.As(err, got.Interface()) {
				t.Fatalf("error %v (%T) holds no %T", err, err, c.want)
			}
			found := got.Elem().Interface()
			if e, ok := found.(*UnsupportedError); ok {
				e.Path = "" // a temporary file
			}
			if !reflect.DeepEqual(found, c.want) {
				t.Errorf("fields %+v, want %+v", found, c.want)
			}
			if !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "--") {
				t.Errorf("text %q, want one with %q and without flags", err, c.text)
			}
			var h interface{ Hint() string }
			if ok := errors.As(err, &h); ok != (c.hint != "") || ok && h.Hint() != c.hint {
				t.Errorf("hint %v, want %q", h, c.hint)
			}
		})
	}
}

func loss(outputs []nd.Array) func(*testing.T) error {
	return func(*testing.T) error {
		_, _, _, err := Logits(outputs)
		return err
	}
}

// TestNodeError: an error in a node names it, and keeps its cause.
func TestNodeError(t *testing.T) {
	m := newModel().input("x", 2).node("Cast", []string{"x"}, []string{"y"}, intAttr("to", math.MaxInt32)).output("y")
	_, err := Compile(m.open(t), Config{Shapes: map[string][]int{"x": {2}}})
	var e *NodeError
	if !errors.As(err, &e) || e.Operator != "Cast" || e.Node != "Cast_0" || !errors.Is(err, ErrUnsupported) {
		t.Errorf("error %v (%s)", err, fmt.Sprintf("%+v", e))
	}
}

// TestInputTypeError: an input that is not implemented is unsupported.
func TestInputTypeError(t *testing.T) {
	m := relu()
	m.graph.Input[0].GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_STRING))
	_, err := Inputs(m.open(t))
	var e *InputTypeError
	if !errors.As(err, &e) || e.Input != "x" || e.Elem != onnxpb.TensorProto_STRING || !errors.Is(err, ErrUnsupported) {
		t.Errorf("error %v (%+v)", err, e)
	}
}
