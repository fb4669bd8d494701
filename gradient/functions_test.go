package gradient

import (
	"errors"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// functionOf makes a function of a model of domain "own" from a graph's nodes.
func functionOf(name string, in, out []string, body *modelBuilder, attrs ...string) *onnxpb.FunctionProto {
	return &onnxpb.FunctionProto{
		Name: proto.String(name), Domain: proto.String("own"), Input: in, Output: out, Node: body.graph.Node, Attribute: attrs,
		OpsetImport: imports(body.opset),
	}
}

// call adds a node that calls a function.
func (b *modelBuilder) call(name string, in, out []string, attrs ...*onnxpb.AttributeProto) *modelBuilder {
	b.node(name, in, out, attrs...)
	b.graph.Node[len(b.graph.Node)-1].Domain = proto.String("own")
	return b
}

// refAttr refers to an attribute of the call.
func refAttr(name, of string, t onnxpb.AttributeProto_AttributeType) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), RefAttrName: proto.String(of), Type: t.Enum()}
}

func floatAttr(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: proto.Float32(v)}
}

// before13 gives a model an operator set in which Softmax is that of set 11.
func before13(b *modelBuilder) *modelBuilder {
	b.opset = 12
	return b
}

func TestFunctions(t *testing.T) {
	const float, tensor = onnxpb.AttributeProto_FLOAT, onnxpb.AttributeProto_TENSOR
	x := nd.Of([]float32{1, -2, 3, -0.5, 0.2, 2}, 2, 3)
	model := func() *modelBuilder { return newModel().input("x", 2, 3).weight("w", 3) }
	two := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{2}}

	// The names inside are those of the model, but of other values.
	leaky := functionOf("Leaky", []string{"w"}, []string{"y"},
		newModel().node("LeakyRelu", []string{"w"}, []string{"x"}, refAttr("alpha", "slope", float)).node("Neg", []string{"x"}, []string{"y"}), "slope")
	withDefault := functionOf("Default", []string{"w"}, []string{"y"},
		newModel().node("LeakyRelu", []string{"w"}, []string{"y"}, refAttr("alpha", "slope", float)))
	withDefault.AttributeProto = []*onnxpb.AttributeProto{floatAttr("slope", 0.5)}
	outer := functionOf("Outer", []string{"a", "b"}, []string{"y", "z"},
		newModel().call("Leaky", []string{"a"}, []string{"l"}, refAttr("slope", "angle", float)).node("Mul", []string{"l", "b"}, []string{"y"}).node("Add", []string{"l", "b"}, []string{"z"}), "angle")
	optional := functionOf("Optional", []string{"a", "low", "high"}, []string{"y"},
		newModel().node("Clip", []string{"a", "low", "high"}, []string{"y"}))
	old := newModel().node("Softmax", []string{"a"}, []string{"y"})
	old.opset = 11 // along all axes behind the first, not the last one
	branches := functionOf("Branches", []string{"a"}, []string{"y"},
		newModel().truth("c", true).node("If", []string{"c"}, []string{"y"},
			graphAttr("then_branch", newModel().node("LeakyRelu", []string{"a"}, []string{"t"}, refAttr("alpha", "slope", float)).output("t")),
			graphAttr("else_branch", newModel().node("Neg", []string{"a"}, []string{"t"}).output("t"))), "slope")
	constant := functionOf("Constants", []string{"a"}, []string{"y"},
		newModel().node("Constant", nil, []string{"k"}, refAttr("value", "k", tensor)).node("Mul", []string{"a", "k"}, []string{"y"}), "k")

	for _, c := range []struct {
		name      string
		got, want *modelBuilder
		functions []*onnxpb.FunctionProto
	}{
		{"attribute", model().node("Mul", []string{"x", "w"}, []string{"y"}).call("Leaky", []string{"y"}, []string{"z"}, floatAttr("slope", 0.3)).output("z"),
			model().node("Mul", []string{"x", "w"}, []string{"y"}).node("LeakyRelu", []string{"y"}, []string{"l"}, floatAttr("alpha", 0.3)).node("Neg", []string{"l"}, []string{"z"}).output("z"),
			[]*onnxpb.FunctionProto{leaky}},
		{"attribute left out", model().call("Leaky", []string{"w"}, []string{"z"}).node("Mul", []string{"x", "z"}, []string{"y"}).output("y"),
			model().node("LeakyRelu", []string{"w"}, []string{"l"}).node("Neg", []string{"l"}, []string{"z"}).node("Mul", []string{"x", "z"}, []string{"y"}).output("y"),
			[]*onnxpb.FunctionProto{leaky}},
		{"default", model().call("Default", []string{"w"}, []string{"z"}).node("Mul", []string{"x", "z"}, []string{"y"}).output("y"),
			model().node("LeakyRelu", []string{"w"}, []string{"z"}, floatAttr("alpha", 0.5)).node("Mul", []string{"x", "z"}, []string{"y"}).output("y"),
			[]*onnxpb.FunctionProto{withDefault}},
		{"nested, two outputs, twice", model().call("Outer", []string{"x", "w"}, []string{"a", "b"}, floatAttr("angle", 0.2)).call("Outer", []string{"a", "b"}, []string{"y", "z"}, floatAttr("angle", 0.4)).output("y", "z"),
			model().node("LeakyRelu", []string{"x"}, []string{"l"}, floatAttr("alpha", 0.2)).node("Neg", []string{"l"}, []string{"n"}).node("Mul", []string{"n", "w"}, []string{"a"}).node("Add", []string{"n", "w"}, []string{"b"}).
				node("LeakyRelu", []string{"a"}, []string{"l2"}, floatAttr("alpha", 0.4)).node("Neg", []string{"l2"}, []string{"n2"}).node("Mul", []string{"n2", "b"}, []string{"y"}).node("Add", []string{"n2", "b"}, []string{"z"}).output("y", "z"),
			[]*onnxpb.FunctionProto{outer, leaky}},
		{"optional input", model().weight("top").call("Optional", []string{"x", "", "top"}, []string{"y"}).call("Optional", []string{"y"}, []string{"z"}).node("Mul", []string{"z", "w"}, []string{"v"}).output("v"),
			model().weight("top").node("Clip", []string{"x", "", "top"}, []string{"y"}).node("Mul", []string{"y", "w"}, []string{"v"}).output("v"),
			[]*onnxpb.FunctionProto{optional}},
		{"opset of its own", before13(model()).node("Mul", []string{"x", "w"}, []string{"m"}).ints("s", 1, 2, 3).node("Reshape", []string{"m", "s"}, []string{"r"}).call("Old", []string{"r"}, []string{"y"}).output("y"),
			before13(model()).node("Mul", []string{"x", "w"}, []string{"m"}).ints("s", 1, 6).node("Reshape", []string{"m", "s"}, []string{"r"}).node("Softmax", []string{"r"}, []string{"z"}).ints("back", 1, 2, 3).node("Reshape", []string{"z", "back"}, []string{"y"}).output("y"),
			[]*onnxpb.FunctionProto{functionOf("Old", []string{"a"}, []string{"y"}, old)}},
		{"attribute in a branch", model().node("Mul", []string{"x", "w"}, []string{"m"}).call("Branches", []string{"m"}, []string{"y"}, floatAttr("slope", 0.7)).output("y"),
			model().node("Mul", []string{"x", "w"}, []string{"m"}).node("LeakyRelu", []string{"m"}, []string{"y"}, floatAttr("alpha", 0.7)).output("y"),
			[]*onnxpb.FunctionProto{branches}},
		{"tensor attribute", model().node("Mul", []string{"x", "w"}, []string{"m"}).call("Constants", []string{"m"}, []string{"y"}, tensorAttr("k", two)).output("y"),
			model().node("Mul", []string{"x", "w"}, []string{"m"}).node("Add", []string{"m", "m"}, []string{"y"}).output("y"),
			[]*onnxpb.FunctionProto{constant}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.got.functions = c.functions
			sameModel(t, c.got, c.want, x)
		})
	}
}

func TestFunctionFailures(t *testing.T) {
	model := func() *modelBuilder { return newModel().input("x", 2) }
	neg := newModel().node("Neg", []string{"a"}, []string{"y"})
	deep := []*onnxpb.FunctionProto{functionOf("F0", []string{"a"}, []string{"y"}, neg)}
	for _, name := range []string{"F1", "F2", "F3", "F4", "F5", "F6"} { // 16⁶ nodes
		b, last := newModel(), "a"
		for _, next := range strings.Split("b c d e f g h i j k l m n o p y", " ") {
			b.call(*deep[len(deep)-1].Name, []string{last}, []string{next})
			last = next
		}
		deep = append(deep, functionOf(name, []string{"a"}, []string{"y"}, b))
	}
	newer := newModel().node("Gelu", []string{"a"}, []string{"y"})
	newer.opset = 20
	for _, c := range []struct {
		name        string
		m           *modelBuilder
		functions   []*onnxpb.FunctionProto
		want        string
		unsupported bool
	}{
		{"input left out", model().call("F", nil, []string{"y"}), []*onnxpb.FunctionProto{functionOf("F", []string{"a"}, []string{"y"}, neg)}, "input 0 is missing", false},
		{"unknown operator inside", model().call("F", []string{"x"}, []string{"y"}), []*onnxpb.FunctionProto{functionOf("F", []string{"a"}, []string{"y"}, newModel().node("Frobnicate", []string{"a"}, []string{"y"}))}, `in function "F"`, true},
		{"another Softmax than the model's", model().call("F", []string{"x"}, []string{"y"}), []*onnxpb.FunctionProto{functionOf("F", []string{"a"}, []string{"y"}, before13(newModel().node("Softmax", []string{"a"}, []string{"y"})))}, "the function has operator set 12 and the model 17", false},
		{"axes as an attribute no more", model().call("F", []string{"x"}, []string{"y"}), []*onnxpb.FunctionProto{functionOf("F", []string{"a"}, []string{"y"}, before13(newModel().node("Squeeze", []string{"a"}, []string{"y"}, intsAttr("axes", 0))))}, "the function has operator set 12 and the model 17", false},
		{"newer than the model", model().call("F", []string{"x"}, []string{"y"}), []*onnxpb.FunctionProto{functionOf("F", []string{"a"}, []string{"y"}, newer)}, `Gelu "Gelu_0" in function "F" (opset 20): the model itself has opset 17`, true},
		{"no such function", model().call("F", []string{"x"}, []string{"y"}), nil, "F", true},
		{"explosion", model().scalar("one", 1).call("F6", []string{"one"}, []string{"y"}), deep, "more than 65536 nodes", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.m.functions = c.functions
			_, err := Compile(c.m.output("y").open(t), Config{Shapes: map[string][]int{"x": {2}}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if errors.Is(err, ops.ErrUnsupported) != c.unsupported {
				t.Errorf("error %v: unsupported is %v", err, !c.unsupported)
			}
		})
	}
}
