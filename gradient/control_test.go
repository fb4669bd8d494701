package gradient

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

func graphAttr(name string, b *modelBuilder) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_GRAPH.Enum(), G: b.graph}
}

func tensorAttr(name string, t *onnxpb.TensorProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_TENSOR.Enum(), T: t}
}

// scalar adds a Constant of one int64.
func (b *modelBuilder) scalar(name string, v int64) *modelBuilder {
	return b.node("Constant", nil, []string{name}, intAttr("value_int", v))
}

// truth adds a Constant of one bool.
func (b *modelBuilder) truth(name string, v bool) *modelBuilder {
	t := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_BOOL)), Int32Data: []int32{0}}
	if v {
		t.Int32Data[0] = 1
	}
	return b.node("Constant", nil, []string{name}, tensorAttr("value", t))
}

// sameModel compares the outputs and gradients of two models with equal parameters.
func sameModel(t *testing.T, got, want *modelBuilder, x nd.Array) {
	t.Helper()
	run := func(b *modelBuilder) (*Program, []nd.Array) {
		p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": x.Shape}, Gradients: All})
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := p.Gradients(map[string]nd.Array{"x": x}, Probe)
		if err != nil {
			t.Fatal(err)
		}
		return p, out
	}
	p, a := run(got)
	q, b := run(want)
	if len(a) != len(b) {
		t.Fatalf("%d outputs, want %d", len(a), len(b))
	}
	for i := range a {
		if err := closeTo(a[i], b[i]); err != nil {
			t.Errorf("output %d: %v", i, err)
		}
	}
	for _, name := range q.GradientNames() {
		want, _ := q.Gradient(name)
		got, ok := p.Gradient(name)
		if !ok {
			t.Errorf("no gradient for %q", name)
			continue
		}
		shape := []int{max(len(got), len(want))}
		if err := closeTo(orZeros(got, shape), orZeros(want, shape)); err != nil {
			t.Errorf("gradient of %q: %v", name, err)
		}
	}
}

// orZeros makes an array of a gradient, which is nil for zeros.
func orZeros(g []float32, shape []int) nd.Array {
	if g == nil {
		return nd.New(nd.Float32, shape...)
	}
	return nd.Of(g, shape...)
}

func vector(v ...float32) nd.Array { return nd.Of(v, len(v)) }

func TestIf(t *testing.T) {
	model := func() *modelBuilder {
		return newModel().input("x", 3).weight("w", 3).node("Mul", []string{"x", "w"}, []string{"a"})
	}
	// The branches take a from around them; one has a value of another shape.
	square := newModel().node("Mul", []string{"a", "a"}, []string{"s"}).output("s")
	scaled := newModel().ints("two", 2).node("CastLike", []string{"two", "a"}, []string{"f"}).node("Mul", []string{"a", "f"}, []string{"d"}).output("d")
	matrix := newModel().ints("shape", 1, 3).node("Reshape", []string{"a", "shape"}, []string{"m"}).output("m")
	plain := map[bool]*modelBuilder{
		true:  model().node("Mul", []string{"a", "a"}, []string{"y"}).output("y"),
		false: model().node("Add", []string{"a", "a"}, []string{"y"}).output("y"),
	}
	for _, holds := range []bool{true, false} {
		other := map[bool]*modelBuilder{true: square, false: scaled}
		other[!holds] = matrix
		t.Run(fmt.Sprint("constant ", holds), func(t *testing.T) {
			sameModel(t, model().truth("c", holds).
				node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", other[true]), graphAttr("else_branch", other[false])).output("y"),
				plain[holds], vector(1, -2, 3))
		})
		t.Run(fmt.Sprint("run time ", holds), func(t *testing.T) {
			x := vector(5, 1, 1)
			if !holds {
				x = vector(-5, 1, 1)
			}
			sameModel(t, model().ints("zero", 0).
				node("ReduceSum", []string{"x"}, []string{"sum"}).
				node("CastLike", []string{"zero", "x"}, []string{"z"}).
				node("Greater", []string{"sum", "z"}, []string{"c"}).
				node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", square), graphAttr("else_branch", scaled)).output("y"),
				plain[holds], x)
		})
	}
}

// loopBody computes h' = tanh(h·w + x) and stacks every h. It also counts
// iterations down in n, to 1 at the least.
func loopBody(condition string) *modelBuilder {
	b := newModel().input("i").input("c").input("h").input("n").
		node("Mul", []string{"h", "w"}, []string{"p"}).
		node("Add", []string{"p", "x"}, []string{"q"}).
		node("Tanh", []string{"q"}, []string{"h2"}).
		scalar("one", 1).
		node("Sub", []string{"n", "one"}, []string{"n2"}).
		node("Greater", []string{"n2", "one"}, []string{"more"})
	return b.output(condition, "h2", "n2", "h2")
}

func unrolled(iterations int) *modelBuilder {
	b := newModel().input("x", 3).weight("w", 3)
	h := "x"
	var all []string
	for i := range iterations {
		s := fmt.Sprint(i)
		b.node("Mul", []string{h, "w"}, []string{"p" + s}).node("Add", []string{"p" + s, "x"}, []string{"q" + s}).node("Tanh", []string{"q" + s}, []string{"h" + s})
		h = "h" + s
		b.ints("axis"+s, 0).node("Unsqueeze", []string{h, "axis" + s}, []string{"u" + s})
		all = append(all, "u"+s)
	}
	return b.node("Concat", all, []string{"stack"}, intAttr("axis", 0)).output(h, "stack")
}

func TestLoop(t *testing.T) {
	x := vector(0.5, -1, 0.3)
	model := func() *modelBuilder {
		return newModel().input("x", 3).weight("w", 3).scalar("three", 3).scalar("four", 4).scalar("nine", 9)
	}
	outs := []string{"h", "n", "stack"}
	t.Run("trips", func(t *testing.T) {
		sameModel(t, model().node("Loop", []string{"three", "", "x", "nine"}, outs, graphAttr("body", loopBody("c"))).output("h", "stack"), unrolled(3), x)
	})
	t.Run("condition", func(t *testing.T) { // what tf2onnx makes of a while loop
		sameModel(t, model().truth("yes", true).node("Loop", []string{"", "yes", "x", "four"}, outs, graphAttr("body", loopBody("more"))).output("h", "stack"), unrolled(3), x)
	})
	t.Run("trips before condition", func(t *testing.T) {
		sameModel(t, model().node("Loop", []string{"three", "", "x", "nine"}, outs, graphAttr("body", loopBody("more"))).output("h", "stack"), unrolled(3), x)
	})
	t.Run("fewer than none", func(t *testing.T) {
		sameModel(t, model().scalar("minus", -1).node("Loop", []string{"minus", "", "x", "nine"}, []string{"h"}, graphAttr("body", loopBody("c"))).node("Mul", []string{"h", "w"}, []string{"y"}).output("y"),
			newModel().input("x", 3).weight("w", 3).node("Mul", []string{"x", "w"}, []string{"y"}).output("y"), x)
	})
	t.Run("none", func(t *testing.T) {
		m := model().truth("no", false).node("Loop", []string{"three", "no", "x", "nine"}, outs, graphAttr("body", loopBody("c"))).output("h", "stack").open(t)
		p, err := Compile(m, Config{Shapes: map[string][]int{"x": {3}}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Forward(map[string]nd.Array{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		if err := closeTo(out[0], x); err != nil {
			t.Error(err)
		}
		if !slices.Equal(out[1].Shape, []int{0, 3}) {
			t.Errorf("stack of shape %v, want [0 3]", out[1].Shape)
		}
	})
}

func TestScan(t *testing.T) {
	// h' = h + v·w over the columns v of x, from the last to the first.
	body := newModel().input("h").input("v").
		node("Mul", []string{"v", "w"}, []string{"p"}).
		node("Add", []string{"h", "p"}, []string{"h2"}).output("h2", "h2")
	got := newModel().input("x", 2, -1).weight("w", 2).weight("h0", 2).
		node("Scan", []string{"h0", "x"}, []string{"h", "all"}, graphAttr("body", body), intAttr("num_scan_inputs", 1),
			intsAttr("scan_input_axes", -1), intsAttr("scan_input_directions", 1),
			intsAttr("scan_output_axes", 1), intsAttr("scan_output_directions", 1)).output("h", "all")
	want := newModel().input("x", 2, 3).weight("w", 2).weight("h0", 2).ints("column", 2, 1).ints("last", 2).ints("flat", 2).
		node("Reshape", []string{"w", "column"}, []string{"wc"}).
		node("Reshape", []string{"h0", "column"}, []string{"hc"}).
		node("Mul", []string{"x", "wc"}, []string{"p"}).
		scalar("axis", 1).
		node("CumSum", []string{"p", "axis"}, []string{"s"}, intAttr("reverse", 1)).
		node("Add", []string{"s", "hc"}, []string{"all"}).
		scalar("zero", 0).node("Gather", []string{"all", "zero"}, []string{"h"}, intAttr("axis", 1)).output("h", "all")
	sameModel(t, got, want, nd.Of([]float32{1, 2, 3, -4, 5, -6}, 2, 3))

	t.Run("nothing", func(t *testing.T) {
		p, err := Compile(got.open(t), Config{Shapes: map[string][]int{"x": {2, 0}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, shapes := p.Outputs(); !slices.Equal(shapes[1], []int{2, 0}) {
			t.Errorf("stack of shape %v, want [2 0]", shapes[1])
		}
	})
}

// TestControlFailures: loops that cannot be unrolled, and malformed ones, are
// errors.
func TestControlFailures(t *testing.T) {
	model := func() *modelBuilder {
		return newModel().input("x", 3).weight("w", 3).scalar("three", 3).truth("yes", true).
			node("Cast", []string{"x"}, []string{"xi"}, intAttr("to", int64(onnxpb.TensorProto_INT64))).
			node("ReduceMax", []string{"xi"}, []string{"m"}, intAttr("keepdims", 0)).
			node("Greater", []string{"m", "three"}, []string{"c"})
	}
	outs := []string{"h", "n", "stack"}
	same := newModel().node("Identity", []string{"x"}, []string{"s"}).output("s")
	matrix := newModel().ints("shape", 1, 3).node("Reshape", []string{"x", "shape"}, []string{"m1"}).output("m1")
	dynamic := newModel().input("i").input("c0").input("h").node("Greater", []string{"m", "i"}, []string{"c1"}).output("c1", "h")
	badCondition := newModel().input("i").input("c0").input("h").node("Identity", []string{"h"}, []string{"h2"}).output("h2", "h")
	for _, c := range []struct {
		name        string
		m           *modelBuilder
		want        string
		unsupported bool
	}{
		{"endless loop", model().node("Loop", []string{"", "yes", "x"}, []string{"y"}, graphAttr("body", newModel().input("i").input("c0").input("h").output("c0", "h"))), "more than 16384 iterations", true},
		{"loops in loops", model().scalar("many", 16384).node("Loop", []string{"many", "", "x"}, []string{"y"}, graphAttr("body", newModel().input("i").input("c0").input("h").
			node("Loop", []string{"many", "", "h"}, []string{"h2"}, graphAttr("body", newModel().input("i2").input("c2").input("h3").output("c2", "h3"))).output("c0", "h2"))), "more than 65536 nodes", true},
		{"iterations by input", model().node("Loop", []string{"m", "", "x"}, []string{"y"}, graphAttr("body", dynamic)), "number of iterations", true},
		{"condition by input", model().node("Loop", []string{"three", "", "x"}, []string{"y"}, graphAttr("body", dynamic)), "condition that depends", true},
		{"condition is a float", model().node("Loop", []string{"three", "", "x"}, []string{"y"}, graphAttr("body", badCondition)), "as its condition", false},
		{"no body", model().node("Loop", []string{"three", "", "x"}, []string{"y"}), `"body" is missing`, false},
		{"states without outputs", model().node("Loop", []string{"three", "", "x", "x"}, []string{"y"}, graphAttr("body", dynamic)), "body has 2 outputs for 2 states", false},
		{"too few inputs of the body", model().node("Loop", []string{"three", "", "x"}, outs[:1], graphAttr("body", newModel().input("i").node("Identity", []string{"yes"}, []string{"c1"}).node("Identity", []string{"x"}, []string{"h1"}).output("c1", "h1"))), "3 inputs for a graph that takes 1", false},
		{"branches of two shapes", model().node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", same), graphAttr("else_branch", matrix)), "depending on the condition", true},
		{"branch without output", model().node("If", []string{"yes"}, []string{"y"}, graphAttr("then_branch", newModel()), graphAttr("else_branch", same)), "then_branch has 0 outputs", false},
		{"condition of three", model().node("If", []string{"x"}, []string{"y"}, graphAttr("then_branch", same), graphAttr("else_branch", same)), "one bool is expected", false},
		{"nothing scanned", model().node("Scan", []string{"x"}, []string{"y"}, graphAttr("body", same)), "0 are scanned", false},
		{"lengths", model().ints("two", 1, 2).node("Scan", []string{"x", "two"}, []string{"y"}, intAttr("num_scan_inputs", 2), graphAttr("body", same)), "lengths 3 and 2", false},
		{"axes", model().node("Scan", []string{"x"}, []string{"y"}, intAttr("num_scan_inputs", 1), intsAttr("scan_input_axes", 0, 1), graphAttr("body", same)), "2 values; 1 are expected", false},
		{"unknown operator inside", model().node("If", []string{"yes"}, []string{"y"}, graphAttr("then_branch", same), graphAttr("else_branch", newModel().node("Frobnicate", nil, []string{"s"}).output("s"))), "Frobnicate", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.m.graph.Output == nil {
				c.m.output(c.m.graph.Node[len(c.m.graph.Node)-1].Output[0])
			}
			_, err := Compile(c.m.open(t), Config{Shapes: map[string][]int{"x": {3}}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if errors.Is(err, ops.ErrUnsupported) != c.unsupported {
				t.Errorf("error %v: unsupported is %v", err, !c.unsupported)
			}
		})
	}
}
