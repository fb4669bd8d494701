package gradient

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"gorgonia.org/gorgonia"
)

// classifierNet is a convolutional network as exporters write it: convolutions with
// batch normalisation, a residual connection, pooling, a linear layer, softmax.
func classifierNet() *modelBuilder {
	b := newModel().input("x", -1, 2, 6, 6).
		weight("w1", 4, 2, 3, 3).weight("w2", 4, 4, 3, 3).weight("fc", 4, 3).weight("fcb", 3)
	for _, bn := range []string{"bn1", "bn2"} {
		b.weight(bn+".scale", 4).weight(bn+".bias", 4).weight(bn+".mean", 4).floats(bn+".var", 0.5, 1, 2, 4)
	}
	norm := func(bn, in, out string) {
		b.node("BatchNormalization", []string{in, bn + ".scale", bn + ".bias", bn + ".mean", bn + ".var"}, []string{out})
	}
	b.node("Conv", []string{"x", "w1"}, []string{"c1"}, intsAttr("pads", 1, 1, 1, 1))
	norm("bn1", "c1", "n1")
	b.node("Relu", []string{"n1"}, []string{"r1"}).
		node("Conv", []string{"r1", "w2"}, []string{"c2"}, intsAttr("pads", 1, 1, 1, 1))
	norm("bn2", "c2", "n2")
	return b.node("Add", []string{"n2", "r1"}, []string{"a"}).
		node("Relu", []string{"a"}, []string{"r2"}).
		node("MaxPool", []string{"r2"}, []string{"p"}, intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2)).
		node("GlobalAveragePool", []string{"p"}, []string{"g"}).
		node("Flatten", []string{"g"}, []string{"f"}).
		node("Gemm", []string{"f", "fc", "fcb"}, []string{"z"}).
		node("Softmax", []string{"z"}, []string{"y"}).
		output("y")
}

// TestTapeMachine: a Program computes the outputs and gradients of whole models as
// Gorgonia's own machine does from the same graph.
func TestTapeMachine(t *testing.T) {
	committed := func(name string) func(*testing.T) *onnxio.Model {
		return func(t *testing.T) *onnxio.Model {
			m, err := onnxio.Open("../testdata/corpus/" + name + ".onnx")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { m.Close() })
			return m
		}
	}
	for _, c := range []struct {
		name string
		open func(*testing.T) *onnxio.Model
	}{
		{"classifier", func(t *testing.T) *onnxio.Model { return classifierNet().open(t) }},
		{"batch normalisation, pooling", committed("conv_batchnorm__ts")},
		{"depthwise convolutions", committed("depthwise__dyn")},
		{"attention of matrix products", committed("attention__ts")},
		{"Attention", committed("attention__dyn23")},
		{"layer normalisation, GELU", committed("layernorm_gelu__dyn")},
		{"LSTM", committed("lstm__ts")},
	} {
		t.Run(c.name, func(t *testing.T) { testTape(t, c.open(t)) })
	}
}

func testTape(t *testing.T, m *onnxio.Model) {
	declared, err := Inputs(m)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	cfg := Config{Shapes: map[string][]int{}, Gradients: All}
	inputs := map[string]nd.Array{}
	for _, in := range declared {
		a := nd.New(in.DType, in.Batched(2)...)
		for i := range a.Float32s() {
			a.Float32s()[i] = float32(rng.NormFloat64())
		}
		cfg.Shapes[in.Name], inputs[in.Name] = a.Shape, a
	}
	c, err := newCompiler(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.compile()
	if err != nil {
		t.Fatal(err)
	}
	_, outputs, err := p.Gradients(inputs, Probe)
	if err != nil {
		t.Fatal(err)
	}

	leaves := map[*ops.Value]nd.Array{}
	for _, b := range p.inputs {
		leaves[b.value] = inputs[b.name]
	}
	for name, v := range c.params {
		leaves[v], _ = p.weights.Array(name)
	}
	wanted := map[string]*ops.Value{}
	results := map[string]nd.Array{}
	for i, o := range p.outputs {
		wanted["output "+o.name], results["output "+o.name] = o.value, outputs[i]
	}
	for _, b := range p.grads {
		if b.slot < 0 {
			continue
		}
		wanted["gradient of "+b.name], results["gradient of "+b.name] = b.value, p.slots[b.slot]
	}
	for _, n := range c.Graph.AllNodes() {
		if n.Op() != nil {
			continue
		}
		v, err := c.Value(n)
		if err != nil {
			t.Fatal(err)
		}
		a, ok := v.Constant()
		if !ok {
			a, ok = leaves[v]
		}
		if !ok { // a seed, the gradient by an output
			a = nd.New(nd.Float32, v.Shape...)
			if _, err := Probe([]nd.Array{a}, []nd.Array{a}); err != nil {
				t.Fatal(err)
			}
		}
		if err := gorgonia.Let(n, ops.GorgoniaValue(a)); err != nil {
			t.Fatal(err)
		}
	}
	read := map[string]*gorgonia.Value{}
	for name, v := range wanted {
		read[name] = new(gorgonia.Value)
		gorgonia.Read(c.Node(v), read[name])
	}
	vm := gorgonia.NewTapeMachine(c.Graph)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, a := range results {
		want, ok := (*read[name]).Data().([]float32)
		if !ok {
			want = []float32{(*read[name]).Data().(float32)}
		}
		got := a.Float32s()
		if len(got) != len(want) {
			t.Fatalf("%s has %d elements, the tape machine's %d", name, len(got), len(want))
		}
		largest := 0.0
		for _, v := range want {
			largest = max(largest, math.Abs(float64(v)))
		}
		if largest > 0 {
			compared++
		}
		for i, v := range want {
			if diff := math.Abs(float64(got[i] - v)); !(diff <= 1e-5*largest) {
				t.Fatalf("%s: element %d is %g, the tape machine has %g", name, i, got[i], v)
			}
		}
	}
	if compared < 5 {
		t.Errorf("only %d outputs and gradients are not zero", compared)
	}
}
