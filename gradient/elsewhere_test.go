package gradient

import (
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// TestWeightsElsewhere: weights have the same values and gradients wherever they are
// stored.
func TestWeightsElsewhere(t *testing.T) {
	model := func() *modelBuilder { return newModel().input("x", 3) }
	initializer := func() *modelBuilder { return model().weight("w", 3) }
	want := initializer().node("Mul", []string{"x", "w"}, []string{"p"}).node("Mul", []string{"p", "p"}, []string{"y"}).output("y")
	value := func(b *modelBuilder) *onnxpb.TensorProto {
		return b.weight("w", 3).graph.Initializer[0]
	}
	constant := func(b *modelBuilder) *modelBuilder {
		unnamed := proto.Clone(value(newModel())).(*onnxpb.TensorProto)
		unnamed.Name = nil
		return b.node("Constant", nil, []string{"w"}, tensorAttr("value", unnamed))
	}
	squared := func(b *modelBuilder) *modelBuilder {
		return b.node("Mul", []string{"x", "w"}, []string{"p"}).node("Mul", []string{"p", "p"}, []string{"s"}).output("s")
	}
	branches := func(then *modelBuilder) *modelBuilder {
		other := newModel().node("Neg", []string{"x"}, []string{"s"}).output("s")
		return model().truth("c", true).node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", then), graphAttr("else_branch", other)).output("y")
	}
	function := functionOf("Square", []string{"x"}, []string{"s"}, squared(constant(newModel())))
	called := model().call("Square", []string{"x"}, []string{"y"}).output("y")
	called.functions = append(called.functions, function)

	for name, got := range map[string]*modelBuilder{
		"Constant":                 constant(model()).node("Mul", []string{"x", "w"}, []string{"p"}).node("Mul", []string{"p", "p"}, []string{"y"}).output("y"),
		"initializer of a branch":  branches(squared(newModel().weight("w", 3))),
		"Constant of a branch":     branches(squared(constant(newModel()))),
		"Constant of a function":   called,
		"behind Identity and Cast": constant(model()).node("Identity", []string{"w"}, []string{"i"}).node("Mul", []string{"x", "i"}, []string{"p"}).node("Mul", []string{"p", "p"}, []string{"y"}).output("y"),
	} {
		t.Run(name, func(t *testing.T) {
			sameModel(t, got, want, vector(1, -2, 3))
			m := got.open(t)
			w, err := LoadWeights(m)
			if err != nil {
				t.Fatal(err)
			}
			if w.Len() != 3 || Parameters(m) != 3 || m.Weight("w") == nil {
				t.Errorf("%d and %d parameters, names %q", w.Len(), Parameters(m), w.Names())
			}
		})
	}
}

// TestWeightsInLoop: a weight in the body of a loop has the sum of the gradients of all
// iterations.
func TestWeightsInLoop(t *testing.T) {
	body := newModel().input("i").input("go").input("h").weight("w", 3).node("Identity", []string{"go"}, []string{"more"}).
		node("Mul", []string{"h", "w"}, []string{"m"}).node("Tanh", []string{"m"}, []string{"h2"}).output("more", "h2")
	got := newModel().input("x", 3).scalar("n", 3).truth("c", true).
		node("Loop", []string{"n", "c", "x"}, []string{"y"}, graphAttr("body", body)).output("y")
	want := newModel().input("x", 3).weight("w", 3)
	h := "x"
	for _, out := range []string{"a", "b", "y"} {
		want.node("Mul", []string{h, "w"}, []string{"m" + out}).node("Tanh", []string{"m" + out}, []string{out})
		h = out
	}
	sameModel(t, got, want.output("y"), vector(1, -2, 3))
}

// TestCastWeights: integers behind Cast and Mul are weights; the gradient by them is
// that by the floats, times the scale.
func TestCastWeights(t *testing.T) {
	cast := newModel().input("x", 2).
		bytes("w", onnxpb.TensorProto_INT8, []byte{1, 0xfe, 3, 0x80, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, 8, 2).floats("s", 0.5).
		node("Transpose", []string{"w"}, []string{"wt"}, intsAttr("perm", 1, 0)).
		node("Cast", []string{"wt"}, []string{"f"}, intAttr("to", int64(onnxpb.TensorProto_FLOAT))).
		node("Mul", []string{"f", "s"}, []string{"d"}).node("MatMul", []string{"x", "d"}, []string{"y"}).output("y")
	p, err := Compile(cast.open(t), Config{Shapes: map[string][]int{"x": {2}}, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := p.Gradients(map[string]nd.Array{"x": vector(1, 10)}, func(_, seeds []nd.Array) (float64, error) {
		copy(seeds[0].Float32s(), []float32{1, 100})
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := closeTo(vector(out[0].Float32s()[:2]...), vector(0.5-10, 1.5-640)); err != nil {
		t.Error(err)
	}
	g, ok := p.Gradient("w")
	if !ok || closeTo(vector(g...), vector(0.5, 5, 50, 500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)) != nil {
		t.Errorf("gradient %v, %v", g, ok)
	}
}
