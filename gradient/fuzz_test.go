package gradient

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"google.golang.org/protobuf/proto"
)

// FuzzCompile imports arbitrary models, and runs and differentiates those that can
// be imported. Whatever is wrong has to be an error and not a panic, and must take
// neither long nor much memory. The second argument describes changes to the first
// that leave it a well-formed message (see mutate).
func FuzzCompile(f *testing.F) {
	for i, b := range fuzzSeeds() {
		data, err := proto.Marshal(b.proto())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte{})
		f.Add(data, []byte{byte(i), 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6})
	}
	path := filepath.Join(f.TempDir(), "model.onnx")
	f.Fuzz(func(t *testing.T, data, changes []byte) {
		if len(data) > 1<<14 || len(changes) > 1<<8 {
			return
		}
		if len(changes) > 0 {
			data = mutate(data, changes)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := onnxio.Open(path)
		if err != nil {
			return
		}
		defer m.Close()
		_ = use(t, m)
	})
}

// use does with a model what the commands do, and returns why it is refused.
func use(t *testing.T, m *onnxio.Model) error {
	inputs, err := Inputs(m)
	if err != nil {
		return err
	}
	shapes, values := map[string][]int{}, map[string]nd.Array{}
	for _, in := range inputs {
		shape := in.Batched(2)
		if n, err := nd.CheckedSize(shape); err != nil || n > 1<<12 {
			return fmt.Errorf("input of shape %v", shape)
		}
		a := nd.New(in.DType, shape...)
		for i := range a.Len() {
			switch d := a.Data.(type) {
			case []float32:
				d[i] = float32(i%7-3) / 2
			case []int64:
				d[i] = int64(i % 3)
			case []bool:
				d[i] = i%2 == 0
			}
		}
		shapes[in.Name], values[in.Name] = shape, a
	}
	p, err := Compile(m, Config{Shapes: shapes, Values: values, Gradients: All, Features: true, Memory: 1 << 17})
	if err != nil {
		return err
	}
	_, outputs, err := p.Gradients(values, Probe)
	if err != nil {
		return err
	}
	_, want := p.Outputs()
	for i, a := range outputs {
		if !slices.Equal(a.Shape, want[i]) || a.Data == nil {
			t.Fatalf("output %d of shape %v, want %v", i, a.Shape, want[i])
		}
	}
	for _, name := range p.GradientNames() {
		w, _ := p.weights.Array(name)
		if g, ok := p.Gradient(name); !ok || g != nil && len(g) != w.Len() {
			t.Fatalf("gradient of %q has %d elements, want %d", name, len(g), w.Len())
		}
	}
	return nil
}

// fuzzSeeds are small models of many kinds.
func fuzzSeeds() []*modelBuilder {
	branch := func(op string) *modelBuilder {
		return newModel().node(op, []string{"a"}, []string{"s"}).output("s")
	}
	body := newModel().input("i").input("c").input("h").
		node("Mul", []string{"h", "w"}, []string{"p"}).node("Tanh", []string{"p"}, []string{"h2"}).
		node("Identity", []string{"c"}, []string{"more"}).output("more", "h2", "p")
	return []*modelBuilder{
		convNet(),
		quantisedNet(),
		newModel().input("x", 3).weight("w", 3).node("Mul", []string{"x", "w"}, []string{"a"}).truth("k", true).
			node("If", []string{"k"}, []string{"y"}, graphAttr("then_branch", branch("Exp")), graphAttr("else_branch", branch("Abs"))).output("y"),
		newModel().input("x", 3).weight("w", 3).scalar("n", 3).truth("k", true).
			node("Loop", []string{"n", "k", "x"}, []string{"h", "all"}, graphAttr("body", body)).output("h", "all"),
		// Shape arithmetic, as exporters write it for a Flatten.
		newModel().input("x", -1, 2, 3).weight("w", 6, 2).ints("zero", 0).ints("one", 1).ints("rest", -1).
			node("Shape", []string{"x"}, []string{"s"}).node("Slice", []string{"s", "zero", "one"}, []string{"n"}).
			node("Concat", []string{"n", "rest"}, []string{"t"}, intAttr("axis", 0)).
			node("Reshape", []string{"x", "t"}, []string{"f"}).node("MatMul", []string{"f", "w"}, []string{"y"}).output("y"),
		// Attention by hand, with a mask.
		newModel().input("x", 2, 4, 3).weight("q", 3, 3).weight("k", 3, 3).weight("bias", 4, 4).ints("upper", 0).
			node("MatMul", []string{"x", "q"}, []string{"xq"}).node("MatMul", []string{"x", "k"}, []string{"xk"}).
			node("Transpose", []string{"xk"}, []string{"xt"}, intsAttr("perm", 0, 2, 1)).
			node("MatMul", []string{"xq", "xt"}, []string{"z"}).node("Trilu", []string{"bias"}, []string{"mask"}, intAttr("upper", 1)).
			node("Add", []string{"z", "mask"}, []string{"m"}).node("Softmax", []string{"m"}, []string{"p"}, intAttr("axis", -1)).
			node("MatMul", []string{"p", "x"}, []string{"y"}).node("ReduceMean", []string{"y"}, []string{"r"}, intsAttr("axes", 1)).output("y", "r"),
		newModel().input("x", 3, 1, 2).weight("w", 1, 6, 2).weight("r", 1, 6, 2).weight("b", 1, 12).
			node("GRU", []string{"x", "w", "r", "b"}, []string{"y", "last"}, intAttr("hidden_size", 2)).output("y", "last"),
		newModel().input("x", 1, 2, 4, 4).weight("s", 2).weight("b", 2).weight("m", 2).weight("v", 2).weight("d", 2, 2, 2, 2).ints("pads", 0, 0, 1, 1, 0, 0, 1, 1).
			node("BatchNormalization", []string{"x", "s", "b", "m", "v"}, []string{"n"}).
			node("Pad", []string{"n", "pads"}, []string{"e"}).
			node("ConvTranspose", []string{"e", "d"}, []string{"t"}, intsAttr("strides", 2, 2)).
			node("AveragePool", []string{"t"}, []string{"y"}, intsAttr("kernel_shape", 3, 3), intsAttr("strides", 2, 2), intAttr("ceil_mode", 1)).output("y"),
		newModel().input("x", 4, 3).weight("w", 4, 3).ints("i", 1, -1, 0).ints("k", 2).
			node("Gather", []string{"x", "i"}, []string{"g"}).node("TopK", []string{"w", "k"}, []string{"v", "at"}).
			node("GatherElements", []string{"x", "at"}, []string{"e"}, intAttr("axis", 1)).node("Concat", []string{"e", "v"}, []string{"y"}, intAttr("axis", 1)).
			node("Split", []string{"y"}, []string{"y1", "y2"}, intAttr("axis", 1)).node("Einsum", []string{"g", "g"}, []string{"z"}, stringAttr("equation", "ij,kj->ik")).output("y1", "y2", "z"),
	}
}
