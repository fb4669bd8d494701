package gradient

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// named is an input of floats whose open axes have names; 0 as a size and "" as a name
// leave an axis open without one.
func named(name string, dims ...any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			if d != "" {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}
			}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}}
}

func TestAxesOf(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []*onnxpb.ValueInfoProto
		want   map[string]int
		batch  int
	}{
		{"one input", []*onnxpb.ValueInfoProto{named("x", "N", 3)}, map[string]int{"x": 0}, 0},
		{"fixed batch", []*onnxpb.ValueInfoProto{named("x", 4, 3)}, map[string]int{"x": 0}, 4},
		{"the name of the batch, a scalar and a state", []*onnxpb.ValueInfoProto{named("input", "batch", "sequence"), named("state", 2, "batch", 128), named("sr")},
			map[string]int{"input": 0, "state": 1, "sr": NoAxis}, 0},
		{"no names", []*onnxpb.ValueInfoProto{named("input", "", ""), named("state", 2, "", 128), named("sr")},
			map[string]int{"input": 0, "state": 1, "sr": NoAxis}, 0},
		{"a state of a fixed batch of one", []*onnxpb.ValueInfoProto{named("input", "batch_size", 3, "frames"), named("h0", 4, 1, 64)},
			map[string]int{"input": 0, "h0": NoAxis}, 1},
		{"all fixed", []*onnxpb.ValueInfoProto{named("input", 1, 576), named("state", 2, 1, 128)}, map[string]int{"input": 0, "state": 1}, 1},
		{"batch on the second axis", []*onnxpb.ValueInfoProto{named("x", "seq", "batch", 8), named("mask", "batch", "seq")}, map[string]int{"x": 1, "mask": 0}, 0},
		{"numbered names", []*onnxpb.ValueInfoProto{named("ids", "unk__1", "unk__2"), named("mask", "unk__3", "unk__4")}, map[string]int{"ids": 0, "mask": 0}, 0},
		{"a graph, of which an input with other counts leads", []*onnxpb.ValueInfoProto{named("kind", "num_atoms"), named("edge_index", 2, "num_edges"), named("targets", "num_residues", 6)}, map[string]int{"kind": NoAxis, "edge_index": NoAxis, "targets": NoAxis}, 1},
		{"clouds of points", []*onnxpb.ValueInfoProto{named("x", "batch", "points", 3), named("w", "points")}, map[string]int{"x": 0}, 0},
		{"a graph", []*onnxpb.ValueInfoProto{named("feat", "num_nodes", 8), named("edge_index", 2, "num_edges")}, map[string]int{"feat": NoAxis, "edge_index": NoAxis}, 1},
		{"a scalar alone", []*onnxpb.ValueInfoProto{named("x")}, map[string]int{"x": NoAxis}, 1},
		{"a vector", []*onnxpb.ValueInfoProto{named("x", 54)}, map[string]int{"x": NoAxis}, 1},
		{"vectors", []*onnxpb.ValueInfoProto{named("seen", 12), named("command", 3), named("mode", 1)}, map[string]int{"seen": NoAxis, "command": NoAxis, "mode": NoAxis}, 1},
		{"batches of numbers", []*onnxpb.ValueInfoProto{named("x", 4), named("x2", 4)}, map[string]int{"x": 0, "x2": 0}, 4},
		{"one number", []*onnxpb.ValueInfoProto{named("x", 1)}, map[string]int{"x": 0}, 1},
		{"an open number of numbers", []*onnxpb.ValueInfoProto{named("x", "n"), named("scales", 3)}, map[string]int{"x": 0, "scales": NoAxis}, 0},
		{"fixed parameters of one axis", []*onnxpb.ValueInfoProto{named("x", "N", 3), named("scales", 3)}, map[string]int{"x": 0, "scales": NoAxis}, 0},
	} {
		b := newModel()
		b.graph.Input = c.inputs
		b.node("Identity", []string{c.inputs[0].GetName()}, []string{"y"}).output("y")
		a, err := AxesOf(b.open(t))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for name := range c.want {
			if a.Inputs[name] != c.want[name] {
				t.Errorf("%s: axes %v, want %v", c.name, a.Inputs, c.want)
				break
			}
		}
		if a.Batch != c.batch || a.Single != (c.batch == 1 && c.inputs[0].GetType().GetTensorType().GetShape().GetDim() == nil || slices.Contains([]string{"a state of a fixed batch of one", "a graph", "a graph, of which an input with other counts leads", "a vector", "vectors"}, c.name)) {
			t.Errorf("%s: batch %d, single %v, want %d", c.name, a.Batch, a.Single, c.batch)
		}
	}
}

// TestAxesOfVector: what a matrix multiplies along its only axis is one sample, although that axis has
// the name of a batch.
func TestAxesOfVector(t *testing.T) {
	for op, want := range map[string]int{"MatMul": NoAxis, "Mul": 0} {
		b := newModel()
		b.graph.Input = []*onnxpb.ValueInfoProto{named("x", "batch_size")}
		b.weight("w", 3, 1)
		b.node("MatMul", nil, []string{"nothing"}) // nobody has checked the file yet
		b.node(op, []string{"x", "w"}, []string{"y"}).output("y")
		a, err := AxesOf(b.open(t))
		if err != nil || a.Inputs["x"] != want || a.Single != (want == NoAxis) {
			t.Errorf("%s: axes %v, %v, want %d", op, a, err, want)
		}
	}
}

// arrays is a source of arrays with samples on axis 0.
type arrays map[string]nd.Array

func (s arrays) Len() int {
	for _, a := range s {
		return a.Shape[0]
	}
	return 0
}

func (s arrays) Batch(lo, hi int) (map[string]nd.Array, error) {
	out := map[string]nd.Array{}
	for name, a := range s {
		out[name] = a.Rows(lo, hi)
	}
	return out, nil
}

// TestProbe: axes of outputs are found by a run, and samples are computed as they would be
// one by one.
func TestProbe(t *testing.T) {
	x := nd.New(nd.Float32, 5, 2, 3)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i*i%17) - 8
	}
	for _, c := range []struct {
		name   string
		model  *modelBuilder
		axis   int
		single bool
		shape  []int // of the output for one sample
	}{
		{"rows", newModel().input("x", -1, 2, 3).weight("w", 3, 4).node("MatMul", []string{"x", "w"}, []string{"y"}), 0, false, []int{2, 4}},
		{"the batch comes second", newModel().input("x", -1, 2, 3).weight("w", 3, 4).node("Transpose", []string{"x"}, []string{"t"}, intsAttr("perm", 1, 0, 2)).
			node("MatMul", []string{"t", "w"}, []string{"y"}), 1, false, []int{2, 4}},
		{"a Reshape fixes the batch", newModel().input("x", -1, 2, 3).ints("s", 1, 6).weight("w", 6, 4).node("Reshape", []string{"x", "s"}, []string{"r"}).
			node("MatMul", []string{"r", "w"}, []string{"y"}), 0, true, []int{4}},
		{"a sum over the batch, as small as one of products of embeddings is", newModel().input("x", -1, 2, 3).weight("w", 3, 4).node("MatMul", []string{"x", "w"}, []string{"r"}).
			node("ReduceSum", []string{"r"}, []string{"s"}, intAttr("keepdims", 0)).node("Constant", nil, []string{"share"}, floatAttr("value_float", 1e-2)).
			node("Mul", []string{"s", "share"}, []string{"m"}).node("Add", []string{"r", "m"}, []string{"y"}), 0, true, []int{2, 4}},
		{"samples taken for steps, which leaves the first as it is", newModel().input("x", -1, 2, 3).weight("w", 3, 4).node("MatMul", []string{"x", "w"}, []string{"r"}).
			ints("axis", 0).node("CumSum", []string{"r", "axis"}, []string{"y"}), 0, true, []int{2, 4}},
		{"samples taken for steps, and the state of the last", newModel().input("x", -1, 2, 3).weight("w", 3, 4).node("MatMul", []string{"x", "w"}, []string{"r"}).
			ints("axis", 0).node("CumSum", []string{"r", "axis"}, []string{"y"}).ints("end", -1).node("Gather", []string{"y", "end"}, []string{"last"}, intAttr("axis", 0)).output("last"), 0, true, []int{2, 4}},
		{"no axis at all", newModel().input("x", -1, 2, 3).node("ReduceMean", []string{"x"}, []string{"y"}, intAttr("keepdims", 0)), NoAxis, true, []int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.model.output("y").open(t)
			start, err := AxesOf(m)
			if err != nil {
				t.Fatal(err)
			}
			a, shapes, err := start.Probe(m, arrays{"x": x}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if a.Outputs["y"] != c.axis || a.Single != c.single || !slices.Equal(shapes["y"][1:], c.shape) {
				t.Fatalf("axis %d, single %v, shape %v", a.Outputs["y"], a.Single, shapes["y"])
			}
			session, err := NewSession(m, Config{Axes: a}, 3)
			if err != nil {
				t.Fatal(err)
			}
			done := 0
			err = session.Forward(arrays{"x": x}, func(lo, n int, out []nd.Array) error {
				for i := range n {
					p, err := Compile(m, Config{Shapes: map[string][]int{"x": {1, 2, 3}}})
					if err != nil {
						return err
					}
					want, err := p.Forward(map[string]nd.Array{"x": x.Rows(lo+i, lo+i+1)})
					if err != nil {
						return err
					}
					got := nd.Of(out[0].Rows(i, i+1).Float32s(), want[0].Shape...)
					if err := closeTo(got, want[0]); err != nil {
						return fmt.Errorf("sample %d: %w", lo+i, err)
					}
					done++
				}
				return nil
			})
			if err != nil || done != 5 {
				t.Errorf("%d samples, %v", done, err)
			}
		})
	}
}

// TestMixing: ranges of a batch, by which dynamic quantisation rounds, are not taken for samples that
// influence one another, wherever they are computed.
func TestMixing(t *testing.T) {
	quantised := func() *modelBuilder {
		return newModel().node("DynamicQuantizeLinear", []string{"x"}, []string{"q", "scale", "zero"}).node("DequantizeLinear", []string{"q", "scale", "zero"}, []string{"y"})
	}
	within := newModel().input("c", 1).node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", quantised()), graphAttr("else_branch", newModel().node("Neg", []string{"x"}, []string{"y"})))
	for _, c := range []struct {
		name  string
		model *onnxpb.ModelProto
		want  float32
	}{
		{"none", &onnxpb.ModelProto{Graph: newModel().node("Neg", []string{"x"}, []string{"y"}).graph}, rounding},
		{"in the graph", &onnxpb.ModelProto{Graph: quantised().graph}, 0.1},
		{"in a branch", &onnxpb.ModelProto{Graph: within.graph}, 0.1},
		{"in a function", &onnxpb.ModelProto{Functions: []*onnxpb.FunctionProto{{Node: quantised().graph.GetNode()}}}, 0.1},
	} {
		if got := mixing(c.model); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestStateAxis: a state with samples on axis 1 and a scalar that all samples share.
func TestStateAxis(t *testing.T) {
	b := newModel()
	b.graph.Input = []*onnxpb.ValueInfoProto{named("x", "batch", 3), named("state", 2, "batch", 3), named("gain")}
	m := b.node("ReduceSum", []string{"state"}, []string{"s"}, intAttr("keepdims", 0)).ints("zero", 0).
		node("Add", []string{"x", "s"}, []string{"a"}).node("Mul", []string{"a", "gain"}, []string{"y"}).
		node("Mul", []string{"state", "gain"}, []string{"next"}).output("y", "next")
	m.graph.Node[0].Input = append(m.graph.Node[0].Input, "zero")
	open := m.open(t)
	src := arrays{"x": vector(1, 2, 3, 4, 5, 6), "state": vector(1, 1, 1, 2, 2, 2, 10, 10, 10, 20, 20, 20), "gain": vector(2, 2)}
	src["x"] = nd.Of(src["x"].Float32s(), 2, 3)
	src["state"] = nd.Of(src["state"].Float32s(), 2, 2, 3)
	start, err := AxesOf(open)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := start.Probe(open, src, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"next": 1}; !maps.Equal(a.Outputs, want) || a.Single {
		t.Fatalf("axes of outputs %v, single %v", a.Outputs, a.Single)
	}
	session, err := NewSession(open, Config{Axes: a}, 2)
	if err != nil {
		t.Fatal(err)
	}
	err = session.Forward(src, func(_, _ int, out []nd.Array) error {
		return errors.Join(
			closeTo(out[0], nd.Of([]float32{8, 10, 12, 68, 70, 72}, 2, 3)),
			closeTo(out[1], nd.Of([]float32{2, 2, 2, 4, 4, 4, 20, 20, 20, 40, 40, 40}, 2, 2, 3)))
	})
	if err != nil {
		t.Error(err)
	}
	src["gain"] = vector(2, 3)
	err = session.Forward(src, func(_, _ int, _ []nd.Array) error { return nil })
	if shared, ok := errors.AsType[*SharedError](err); !ok || shared.Input != "gain" {
		t.Errorf("different gains: %v", err)
	}
	if _, err := start.With(open, map[string]int{"state": 3}); err == nil {
		t.Error("axis 3 of a state of rank 3 is taken")
	}
	if _, err := start.With(open, map[string]int{"nothing": 0}); err == nil {
		t.Error("an input that does not exist is taken")
	}
}
