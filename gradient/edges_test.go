package gradient

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// rowsOf is a Source of samples in which row i of input x is filled with i.
type rowsOf struct {
	n     int
	shape []int
}

func (s rowsOf) Len() int { return s.n }

func (s rowsOf) Batch(lo, hi int) (map[string]nd.Array, error) {
	x := nd.New(nd.Float32, append([]int{hi - lo}, s.shape...)...)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(lo + i)
	}
	return map[string]nd.Array{"x": x}, nil
}

// TestChoicesOfOtherRows: choices whose scores have other numbers of rows, or of dimensions, than
// each other are outputs as the model has them.
func TestChoicesOfOtherRows(t *testing.T) {
	argmax := func(b *modelBuilder, in, out string) {
		b.node("ArgMax", []string{in}, []string{out}, intAttr("axis", -1), intAttr("keepdims", 1))
	}
	b := newModel().input("x", -1, 4).ints("half", -1, 2).ints("flat", -1).ints("pairs", -1, 1, 4).ints("column", -1, 1).output("y")
	b.node("Concat", []string{"x", "x"}, []string{"xx"}, intAttr("axis", 0)) // twice the rows
	argmax(b, "xx", "two")
	b.node("Reshape", []string{"two", "half"}, []string{"pair"})
	argmax(b, "x", "one")
	b.node("Concat", []string{"pair", "one"}, []string{"y"}, intAttr("axis", 1))
	axes := &Axes{Inputs: map[string]int{}, Outputs: map[string]int{}}
	p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {3, 4}}, Axes: axes})
	if err != nil {
		t.Fatal(err)
	}
	if _, shapes := p.Outputs(); !slices.Equal(shapes[0], []int{3, 3}) {
		t.Errorf("shape %v, not that of the output", shapes[0])
	}

	b = newModel().input("x", 4).ints("matrix", 1, 4).output("y")
	b.node("Softmax", []string{"x"}, []string{"s"}).node("Reshape", []string{"s", "matrix"}, []string{"m"})
	argmax(b, "m", "one")
	argmax(b, "m", "two")
	b.node("Concat", []string{"one", "two"}, []string{"y"}, intAttr("axis", 1))
	if _, err = Compile(b.open(t), Config{Shapes: map[string][]int{"x": {4}}, Axes: axes, Logits: true}); err != nil {
		t.Fatal(err)
	}
}

// TestLogitsShape: the input of a softmax over rows of tokens has the shape of the output, whose
// first axis counts samples.
func TestLogitsShape(t *testing.T) {
	b := newModel().input("x", -1, 2, 3).ints("rows", -1, 3).ints("back", -1, 2, 3).output("y")
	b.node("Reshape", []string{"x", "rows"}, []string{"r"}).node("Softmax", []string{"r"}, []string{"s"})
	b.node("Reshape", []string{"s", "back"}, []string{"y"})
	p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {4, 2, 3}}, Logits: true})
	if err != nil {
		t.Fatal(err)
	}
	x := nd.New(nd.Float32, 4, 2, 3)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	out, err := p.Forward(map[string]nd.Array{"x": x})
	if err != nil || !slices.Equal(out[0].Shape, x.Shape) || !slices.Equal(out[0].Float32s(), x.Float32s()) {
		t.Errorf("%v, %v: not what the softmax is computed from", out, err)
	}
}

// TestProbeScalars: an output that a Squeeze makes a scalar of for one sample, beside one with samples
// elsewhere, is no panic.
func TestProbeScalars(t *testing.T) {
	b := newModel().input("x", -1, 3).output("sum", "turned")
	b.node("ReduceSum", []string{"x", "one"}, []string{"s"}).ints("one", 1).node("Squeeze", []string{"s"}, []string{"sum"})
	b.node("Transpose", []string{"x"}, []string{"turned"}, intsAttr("perm", 1, 0))
	m := b.open(t)
	axes, err := AxesOf(m)
	if err != nil {
		t.Fatal(err)
	}
	axes, shapes, err := axes.Probe(m, rowsOf{8, []int{3}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !axes.Single || !slices.Equal(shapes["sum"], []int{1}) || !slices.Equal(shapes["turned"], []int{1, 3, 1}) {
		t.Errorf("axes %+v, shapes %v", axes, shapes)
	}
}

// TestNoSamples: nothing to run a model on is an error.
func TestNoSamples(t *testing.T) {
	m := convNet().open(t)
	axes, err := AxesOf(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := axes.Probe(m, rowsOf{0, []int{2, 6, 6}}, nil, nil); !errors.Is(err, errNoSamples) {
		t.Errorf("Probe: %v", err)
	}
	one := &Axes{Inputs: map[string]int{}, Outputs: map[string]int{}, Single: true, Batch: 1}
	if _, err := Compile(m, Config{Shapes: map[string][]int{"x": {0, 2, 6, 6}}, Axes: one, Apart: true}); !errors.Is(err, errNoSamples) {
		t.Errorf("Compile: %v", err)
	}
}

// TestOutputAxis: an axis of an output that cannot exist is an error.
func TestOutputAxis(t *testing.T) {
	m := convNet().open(t)
	axes, err := AxesOf(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, axis := range []int{-2, 2} {
		axes, err := axes.With(m, map[string]int{"y": axis})
		if err == nil {
			_, err = Compile(m, Config{Shapes: map[string][]int{"x": {2, 2, 6, 6}}, Axes: axes})
		}
		if bad, ok := errors.AsType[*AxisError](err); !ok || bad.Name != "y" || bad.Axis != axis {
			t.Errorf("axis %d: %v", axis, err)
		}
	}
}

// TestLastBatchKeepsOutputs: an output that does not count samples is whole in the last batch, which
// is smaller, although it has as many rows as a full one.
func TestLastBatchKeepsOutputs(t *testing.T) {
	b := newModel().input("x", -1, 3).weight("anchors", 4, 2).output("y", "z")
	b.node("Neg", []string{"x"}, []string{"y"}).node("Neg", []string{"anchors"}, []string{"z"})
	s, err := NewSession(b.open(t), Config{}, 4)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]int
	if err := s.Forward(rowsOf{6, []int{3}}, func(_, _ int, out []nd.Array) error {
		rows = append(rows, []int{out[0].Shape[0], out[1].Shape[0]})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := [][]int{{4, 4}, {2, 4}}; !slices.EqualFunc(rows, want, slices.Equal) {
		t.Errorf("rows %v, want %v", rows, want)
	}
}

// TestAssumedNaN: a program that was compiled for an input with NaN takes the same input again.
func TestAssumedNaN(t *testing.T) {
	b := newModel().input("x", -1).output("y")
	b.node("NonZero", []string{"x"}, []string{"i"}).node("Cast", []string{"i"}, []string{"y"}, intAttr("to", 1))
	x := func() map[string]nd.Array {
		return map[string]nd.Array{"x": nd.Of([]float32{0, 1, float32(math.NaN())}, 3)}
	}
	p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {3}}, Values: x()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Forward(x()); err != nil {
		t.Errorf("the same input: %v", err)
	}
	other := x()
	other["x"].Float32s()[0] = 2
	if _, err := p.Forward(other); err == nil {
		t.Error("another input was taken")
	}
	if shared := nd.Of([]float32{1, float32(math.NaN()), 1, float32(math.NaN())}, 2, 2); !sameRows(shared) {
		t.Error("equal rows with NaN differ")
	}
}

// TestManyFunctions: functions that import nothing share the imports of the model. A copy for
// each made a file of some hundred KB take all memory.
func TestManyFunctions(t *testing.T) {
	const count = 3000
	b := newModel().input("x", -1).output("y").node("Neg", []string{"x"}, []string{"y"})
	m := b.proto()
	for i := range count {
		m.OpsetImport = append(m.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String(fmt.Sprint("d", i)), Version: proto.Int64(1)})
		m.Functions = append(m.Functions, &onnxpb.FunctionProto{Domain: proto.String("own"), Name: proto.String(fmt.Sprint("F", i))})
	}
	before := allocated()
	if n := len(functions(m)); n != count {
		t.Fatalf("%d functions", n)
	}
	if took := allocated() - before; took > 1<<25 {
		t.Errorf("%d MB for %d functions", took>>20, count)
	}
}

// TestManyIntegerOutputs: what many outputs are rounded from is found in a time that does not
// grow with the square of their number, or with the cube.
func TestManyIntegerOutputs(t *testing.T) {
	const count = 2000
	b := newModel().input("x", -1)
	for i := range count {
		name := fmt.Sprint("y", i)
		b.node("Cast", []string{"x"}, []string{name}, intAttr("to", int64(onnxpb.TensorProto_INT64)))
		b.output(name)
		b.graph.Output[i].GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	}
	axes := &Axes{Inputs: map[string]int{}, Outputs: map[string]int{}}
	p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {3}}, Axes: axes})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Forward(map[string]nd.Array{"x": nd.Of([]float32{0.5, 1, 2}, 3)})
	if err != nil || len(out) != count || out[count-1].DType() != nd.Float32 {
		t.Errorf("%d outputs, %v: not the floats before rounding", len(out), err)
	}
}

// TestManyParts: an operator of many inputs, each of a node, is compiled in a time that does not grow
// with the square of their number, and computes what it should.
func TestManyParts(t *testing.T) {
	const many = 5_000
	for op, want := range map[string]func(y []float32) bool{
		"Concat": func(y []float32) bool {
			return len(y) == 2*many && y[0] == 1 && y[1] == 0 && y[2*many-2] == 1 && y[2*many-1] == 0
		},
		"Sum": func(y []float32) bool { return slices.Equal(y, []float32{many, 0}) },
		"Max": func(y []float32) bool { return slices.Equal(y, []float32{1, 0}) },
	} {
		b := newModel().input("x", -1, 2).output("y")
		var parts []string
		for i := range many {
			parts = append(parts, fmt.Sprint("part", i))
			b.node("Relu", []string{"x"}, []string{parts[i]})
		}
		var attrs []*onnxpb.AttributeProto
		if op == "Concat" {
			attrs = append(attrs, intAttr("axis", 1))
		}
		b.node(op, parts, []string{"y"}, attrs...)
		p, err := Compile(b.open(t), Config{Shapes: map[string][]int{"x": {1, 2}}, ByInputs: true})
		if err != nil {
			t.Fatal(op, err)
		}
		x := map[string]nd.Array{"x": nd.Of([]float32{1, -1}, 1, 2)}
		_, out, err := p.Gradients(x, func(outputs, seeds []nd.Array) (float64, error) {
			for i := range seeds[0].Float32s() {
				seeds[0].Float32s()[i] = 1
			}
			return 0, nil
		})
		if err != nil || !want(out[0].Float32s()) {
			t.Errorf("%s: %.4v, %v", op, out, err)
		}
		if g, _ := p.InputGradient("x"); op != "Max" && !slices.Equal(g, []float32{many, 0}) {
			t.Errorf("%s: gradient %v", op, g)
		}
	}
}

// TestNoChannels: a model whose convolution has no channels is refused before a kernel sees it.
func TestNoChannels(t *testing.T) {
	for _, op := range []string{"Conv", "ConvTranspose"} {
		for _, shape := range [][]int{{0, 3, 3, 3}, {3, 0, 3, 3}, {0, 0, 3, 3}} {
			channels := shape[1]
			if op == "ConvTranspose" {
				channels = shape[0]
			}
			m := newModel().input("x", -1, channels, 6, 6).weight("w", shape...).node(op, []string{"x", "w"}, []string{"y"}).output("y").open(t)
			_, err := Compile(m, Config{Shapes: map[string][]int{"x": {2, channels, 6, 6}}, Gradients: All})
			if err == nil || !strings.Contains(err.Error(), "weights of shape") {
				t.Errorf("%s %v: %v", op, shape, err)
			}
		}
	}
}

// TestManyDecided: many outputs that are all computed from many choices do not each have the scores of
// all of these.
func TestManyDecided(t *testing.T) {
	const many = 600
	b := newModel().input("x", -1, 4)
	for i := range many {
		b.node("ArgMax", []string{"x"}, []string{fmt.Sprint("choice", i)}, intAttr("axis", 1))
	}
	var choices []string
	for i := range many {
		choices = append(choices, fmt.Sprint("choice", i))
	}
	b.node("Concat", choices, []string{"all"}, intAttr("axis", 1))
	var outputs []string
	for i := range many {
		outputs = append(outputs, fmt.Sprint("y", i))
		b.node("Neg", []string{"all"}, outputs[i:])
	}
	b.output(outputs...)
	for _, v := range b.graph.Output {
		v.GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	}
	m := b.open(t)
	from := OriginsOf(m.Proto().GetGraph())
	if got := len(from.Decided("y1")); got != many {
		t.Fatalf("%d choices, not %d", got, many)
	}
	axes := &Axes{Inputs: map[string]int{}, Outputs: map[string]int{}}
	if _, err := Compile(m, Config{Shapes: map[string][]int{"x": {1, 4}}, Axes: axes}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v, not too many scores", err)
	}
}

// wrongRows is a Source that has other numbers of rows than it is asked for.
type wrongRows struct {
	rowsOf
	shape []int
}

func (s wrongRows) Batch(lo, hi int) (map[string]nd.Array, error) {
	return map[string]nd.Array{"x": nd.New(nd.Float32, s.shape...)}, nil
}

// TestWrongRows: a Source with too many rows, too few, or none is an error that says so.
func TestWrongRows(t *testing.T) {
	for _, model := range []*modelBuilder{newModel().input("x", -1, 3), newModel().input("x", 2, 3)} { // of any batches, and of two
		m := model.output("y").node("Relu", []string{"x"}, []string{"y"}).open(t)
		for _, shape := range [][]int{{5, 3}, {1, 3}, {0, 3}, {}} {
			src := wrongRows{rowsOf{2, nil}, shape}
			s, err := NewSession(m, Config{}, 2)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Forward(src, func(int, int, []nd.Array) error { return nil }); !isRows(err, 2) {
				t.Errorf("Forward, shape %v: %v", shape, err)
			}
			if _, _, err := s.cfg.Axes.Probe(m, src, nil, nil); !isRows(err, 2) {
				t.Errorf("Probe, shape %v: %v", shape, err)
			}
		}
	}
}

func isRows(err error, rows int) bool {
	e, ok := errors.AsType[*RowsError](err)
	return ok && e.Input == "x" && e.Rows == rows
}

// TestUnknownWeights: a weight that a program does not have, or that must not be written to, cannot be
// tried.
func TestUnknownWeights(t *testing.T) {
	m := convNet().open(t)
	all, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	name := all.Names()[0]
	first, _ := all.Array(name)
	some, err := LoadWeightsToChange(m, unchanged)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		weights *Weights
		name    string
		index   int
		want    *WeightError
	}{
		{all, "nothing", 0, &WeightError{Weight: "nothing", Elements: -1}},
		{all, name, -1, &WeightError{name, -1, first.Len(), false}},
		{all, name, first.Len(), &WeightError{name, first.Len(), first.Len(), false}},
		{some, name, 0, &WeightError{name, 0, first.Len(), true}},
		{some.Clone(), name, 0, nil},
	} {
		p, err := Compile(m, Config{Shapes: map[string][]int{"x": {1, 2, 6, 6}}, Keep: true, Weights: c.weights})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Forward(map[string]nd.Array{"x": nd.New(nd.Float32, 1, 2, 6, 6)}); err != nil {
			t.Fatal(err)
		}
		_, err = p.Try(c.name, c.index, 1)
		if e, _ := errors.AsType[*WeightError](err); e == nil && c.want != nil || e != nil && (c.want == nil || *e != *c.want) {
			t.Errorf("%s[%d]: %v, not %v", c.name, c.index, err, c.want)
		}
		if _, err := p.Refresh("nothing"); err == nil || err.Error() != `there is no weight "nothing"` {
			t.Errorf("Refresh: %v", err)
		}
	}
}
