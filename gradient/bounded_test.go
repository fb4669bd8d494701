package gradient

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// manyNodes is a chain of n operators.
func manyNodes(n int) *modelBuilder {
	b := newModel().input("x", 2).weight("w", 2).node("Mul", []string{"x", "w"}, []string{"v0"})
	for i := range n {
		b.node("Relu", []string{fmt.Sprintf("v%d", i)}, []string{fmt.Sprintf("v%d", i+1)})
	}
	return b.output(fmt.Sprintf("v%d", n))
}

// manyInputs is a Sum of n inputs.
func manyInputs(n int) *modelBuilder {
	in := []string{"x"}
	for len(in) < n {
		in = append(in, "w")
	}
	return newModel().input("x", 2).weight("w", 2).node("Sum", in, []string{"y"}).output("y")
}

// manyWeights is a chain of n operators with a weight each.
func manyWeights(n int) *modelBuilder {
	b := newModel().input("v0", 2)
	for i := range n {
		w := fmt.Sprintf("w%d", i)
		b.weight(w, 2).node("Add", []string{fmt.Sprintf("v%d", i), w}, []string{fmt.Sprintf("v%d", i+1)})
	}
	return b.output(fmt.Sprintf("v%d", n))
}

// Compiling takes time in proportion to the model. Four times the model must not take
// the sixteenfold time; the best of some tries counts, because others use the
// machine, too.
func TestCompileTime(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles models of 24,000 operators")
	}
	const small, large, tries = 6000, 24000, 5
	compile := func(t *testing.T, m *onnxio.Model, input string) time.Duration {
		start := time.Now()
		if _, err := Compile(m, Config{Shapes: map[string][]int{input: {2}}, Gradients: All}); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	for _, c := range []struct {
		name, input string
		model       func(int) *modelBuilder
	}{
		{"nodes", "x", manyNodes}, {"inputs of a Sum", "x", manyInputs}, {"weights", "v0", manyWeights},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := c.model(small).open(t), c.model(large).open(t)
			best := 0.0
			for range tries {
				ratio := float64(compile(t, b, c.input)) / float64(compile(t, a, c.input))
				if best == 0 || ratio < best {
					best = ratio
				}
				if best < 8 {
					return
				}
			}
			t.Errorf("%d operators take %.1f times as long as %d", large, best, small)
		})
	}
}

// A few hundred bytes do not make the compiler compute for long.
func TestCompileWork(t *testing.T) {
	ones := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{1}, FloatData: []float32{1}}
	for name, b := range map[string]*modelBuilder{
		"Einsum": newModel().ints("s", 6000, 6000).node("ConstantOfShape", []string{"s"}, []string{"a"}, tensorAttr("value", ones)).
			node("Einsum", []string{"a", "a"}, []string{"b"}, &onnxpb.AttributeProto{Name: proto.String("equation"), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte("ij,kj->ik")}).
			ints("one", 1).node("Gather", []string{"b", "one"}, []string{"c"}, intAttr("axis", 0)),
		"MatMul": newModel().ints("s", 2, 4000, 4000).node("ConstantOfShape", []string{"s"}, []string{"a"}, tensorAttr("value", ones)).
			node("MatMul", []string{"a", "a"}, []string{"b"}).
			ints("one", 1).node("Gather", []string{"b", "one"}, []string{"c"}, intAttr("axis", 0)),
		"Conv": newModel().ints("s", 1, 64, 400, 400).ints("f", 64, 64, 9, 9).node("ConstantOfShape", []string{"s"}, []string{"a"}, tensorAttr("value", ones)).
			node("ConstantOfShape", []string{"f"}, []string{"k"}, tensorAttr("value", ones)).node("Conv", []string{"a", "k"}, []string{"b"}).
			ints("one", 1).node("Gather", []string{"b", "one"}, []string{"c"}, intAttr("axis", 1)),
	} {
		m := b.input("x", 1).node("Add", []string{"x", "c"}, []string{"y"}).output("y").open(t)
		_, err := Compile(m, Config{Shapes: map[string][]int{"x": {1}}})
		var work *LimitError
		if !errors.As(err, &work) || work.Bound != BoundWork || work.Limit <= 0 || !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nor do they make a run take long, whatever their inputs are. A limit that is raised lets
// them.
func TestRunWork(t *testing.T) {
	expand := func(shape ...int64) *modelBuilder {
		return newModel().input("x", 1).ints("s", shape...).node("Expand", []string{"x", "s"}, []string{"a"})
	}
	long := expand(1 << 23)
	for i := range 80 {
		long.node("Sin", []string{fmt.Sprintf("a%d", i)}, []string{fmt.Sprintf("a%d", i+1)})
	}
	long.node("Identity", []string{"a"}, []string{"a0"}).node("Identity", []string{"a80"}, []string{"y"})
	loop := newModel().input("i").input("c").input("h").node("MatMul", []string{"h", "h"}, []string{"g"}).
		node("Identity", []string{"c"}, []string{"more"}).output("more", "g")
	for name, b := range map[string]*modelBuilder{
		"Einsum":    expand(3000, 3000).node("Einsum", []string{"a", "a"}, []string{"y"}, stringAttr("equation", "ij,kj->ik")),
		"MatMul":    expand(3000, 3000).node("MatMul", []string{"a", "a"}, []string{"y"}),
		"Conv":      expand(1, 64, 256, 256).ints("f", 4, 64, 48, 48).node("Expand", []string{"x", "f"}, []string{"w"}).node("Conv", []string{"a", "w"}, []string{"y"}),
		"MaxPool":   expand(1, 64, 256, 256).node("MaxPool", []string{"a"}, []string{"y"}, intsAttr("kernel_shape", 64, 64)),
		"LRN":       expand(1, 2048, 64, 64).node("LRN", []string{"a"}, []string{"y"}, intAttr("size", 2001)),
		"TopK":      expand(1<<24).ints("k", 1).node("TopK", []string{"a", "k"}, []string{"y", "at"}),
		"long":      long,
		"Loop":      expand(200, 200).scalar("n", 3000).truth("k", true).node("Loop", []string{"n", "k", "a"}, []string{"y"}, graphAttr("body", loop)),
		"Attention": expand(1, 1, 8000, 256).node("Attention", []string{"a", "a", "a"}, []string{"y"}),
		"RoiAlign": expand(1, 1, 8, 8).ints("at", 0).ints("r4", 1, 4).node("Expand", []string{"x", "r4"}, []string{"r"}).
			node("RoiAlign", []string{"a", "r", "at"}, []string{"y"}, intAttr("output_height", 100), intAttr("output_width", 100), intAttr("sampling_ratio", 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			b.opset = 23
			m := b.output("y").open(t)
			var work *LimitError
			if _, err := Compile(m, Config{Shapes: map[string][]int{"x": {1}}}); !errors.As(err, &work) || work.Bound != BoundWork {
				t.Error(err)
			}
			cfg := Config{Shapes: map[string][]int{"x": {1}}, Memory: 1 << 36}
			if _, err := Compile(m, cfg); err != nil && !testing.Short() {
				t.Errorf("with more memory: %v", err)
			}
		})
	}
}
