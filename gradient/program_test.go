package gradient

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

func randomInput(shape ...int) map[string]nd.Array {
	rng := rand.New(rand.NewPCG(3, 4))
	a := nd.New(nd.Float32, shape...)
	for i := range a.Float32s() {
		a.Float32s()[i] = float32(rng.NormFloat64())
	}
	return map[string]nd.Array{"x": a}
}

func compile(t *testing.T, m *onnxio.Model, cfg Config, batch int) *Program {
	t.Helper()
	cfg.Shapes = map[string][]int{"x": {batch, 2, 6, 6}}
	p, err := Compile(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBuffers: sharing buffers between values changes no result, and a second run
// does not see values of the first.
func TestBuffers(t *testing.T) {
	m := convNet().open(t)
	workers := NewWorkers(2)
	defer workers.Close()
	kept := compile(t, m, Config{Gradients: All, Keep: true}, 5)
	shared := compile(t, m, Config{Gradients: All, Workers: workers}, 5)
	x := randomInput(5, 2, 6, 6)
	for range 2 {
		a, outA, err := kept.Gradients(x, Probe)
		if err != nil {
			t.Fatal(err)
		}
		b, outB, err := shared.Gradients(x, Probe)
		if err != nil {
			t.Fatal(err)
		}
		if a != b || !slices.Equal(outA[0].Float32s(), outB[0].Float32s()) {
			t.Fatalf("loss %v with buffers of their own, %v with shared ones", a, b)
		}
		for _, name := range kept.GradientNames() {
			ga, _ := kept.Gradient(name)
			gb, _ := shared.Gradient(name)
			if !slices.Equal(ga, gb) {
				t.Errorf("gradient of %s differs", name)
			}
		}
	}
	if g, ok := shared.Gradient("unused"); !ok || g != nil {
		t.Errorf("unused initializer: gradient %v, %v; want nil, true", g, ok)
	}
}

// TestRefresh: Refresh and Try compute what Forward would, and Try changes nothing.
func TestRefresh(t *testing.T) {
	t.Run("plain", func(t *testing.T) { testRefresh(t, convNet()) })
	t.Run("fused", func(t *testing.T) {
		net := fusedNet()
		net.opset = 24
		testRefresh(t, net)
	})
	t.Run("wide", func(t *testing.T) { testRefresh(t, wideNet()) })
}

func testRefresh(t *testing.T, net *modelBuilder) {
	m := net.open(t)
	w, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, m, Config{Keep: true, Weights: w}, 4)
	full := compile(t, m, Config{Weights: w}, 4)
	x := randomInput(4, 2, 6, 6)
	if _, err := p.Forward(x); err != nil {
		t.Fatal(err)
	}
	before, err := p.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	now := slices.Clone(before[0].Float32s())
	for _, name := range w.Names() {
		a, _ := w.Array(name)
		last := a.Len() - 1
		other := a.Float32s()[last] + 0.5
		tried, err := p.Try(name, last, other)
		if err != nil {
			t.Fatal(err)
		}
		if name != "unused" && slices.Equal(tried[0].Float32s(), now) {
			t.Errorf("Try sees no change of %s", name)
		}
		if kept, _ := p.Refresh("unused"); !slices.Equal(kept[0].Float32s(), now) {
			t.Errorf("trying a change of %s left traces", name)
		}
		trial := slices.Clone(tried[0].Float32s())
		a.Float32s()[last] = other
		got, err := p.Refresh(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := full.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Float32s(), want[0].Float32s()) {
			t.Errorf("after a change of %s, Refresh and Forward differ", name)
		}
		if !slices.Equal(trial, want[0].Float32s()) {
			t.Errorf("after a change of %s, Try and Forward differ", name)
		}
		now = slices.Clone(want[0].Float32s())
	}
	// Several weights at once.
	for _, name := range w.Names() {
		a, _ := w.Array(name)
		a.Float32s()[0] -= 0.5
	}
	got, err := p.Refresh(w.Names()...)
	if err != nil {
		t.Fatal(err)
	}
	want, err := full.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[0].Float32s(), want[0].Float32s()) || slices.Equal(got[0].Float32s(), now) {
		t.Error("after a change of all weights, Refresh and Forward differ, or neither sees it")
	}
}

// TestFork: forks keep values of different batches, and Backward computes the
// gradients of what is kept, also after a weight has changed.
func TestFork(t *testing.T) {
	m := convNet().open(t)
	w, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, m, Config{Gradients: All, Keep: true, Weights: w}, 4)
	q, err := p.Fork()
	if err != nil {
		t.Fatal(err)
	}
	full := compile(t, m, Config{Gradients: All, Weights: w}, 4)
	forks := []*Program{p, q}
	inputs := []map[string]nd.Array{randomInput(4, 2, 6, 6), randomInput(4, 2, 6, 6)}
	x := inputs[1]["x"].Float32s()
	for i := range x {
		x[i] = -2 * x[i]
	}
	for i, f := range forks {
		if _, err := f.Forward(inputs[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, changed := range w.Names() {
		a, _ := w.Array(changed)
		a.Float32s()[0] -= 0.25
		for i, f := range forks {
			if _, err := f.Refresh(changed); err != nil {
				t.Fatal(err)
			}
			got, err := f.Backward(Probe)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := full.Gradients(inputs[i], Probe)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("fork %d, %s changed: loss %v, want %v", i, changed, got, want)
			}
			for _, name := range w.Names() {
				got, _ := f.Gradient(name)
				if want, _ := full.Gradient(name); !slices.Equal(got, want) {
					t.Errorf("fork %d, %s changed: gradients of %s differ", i, changed, name)
				}
			}
		}
	}
}

// TestInputGradient compares the gradient by an input with finite differences.
func TestInputGradient(t *testing.T) {
	p := compile(t, convNet().open(t), Config{ByInputs: true}, 2)
	x := randomInput(2, 2, 6, 6)
	if _, _, err := p.Gradients(x, Probe); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.InputGradient("y"); ok || len(p.GradientNames()) > 0 {
		t.Error("gradients that were not asked for")
	}
	g, ok := p.InputGradient("x")
	if !ok || len(g) != x["x"].Len() {
		t.Fatalf("gradient of %d elements, %v", len(g), ok)
	}
	g = slices.Clone(g)
	loss := func() float64 {
		out, err := p.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Probe(out, []nd.Array{nd.New(nd.Float32, out[0].Shape...)})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	data := x["x"].Float32s()
	for _, i := range []int{0, 17, 40, 71, 90, 143} {
		const h = 1e-2
		old := data[i]
		data[i] = old + h
		up := loss()
		data[i] = old - h
		down := loss()
		data[i] = old
		if want := (up - down) / (2 * h); math.Abs(want-float64(g[i])) > 2e-3*(1+math.Abs(want)) {
			t.Errorf("gradient by element %d is %v, want %v", i, g[i], want)
		}
	}
}

// TestLogits: the gradient is taken before the softmax in which the model ends.
func TestLogits(t *testing.T) {
	m := convNet().open(t)
	p := compile(t, m, Config{Logits: true}, 3)
	q := compile(t, m, Config{}, 3)
	x := randomInput(3, 2, 6, 6)
	z, err := p.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	y, err := q.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	for r := range 3 {
		sum := 0.0
		for k := range 3 {
			sum += math.Exp(float64(z[0].Float32s()[3*r+k]))
		}
		for k := range 3 {
			want := math.Exp(float64(z[0].Float32s()[3*r+k])) / sum
			if got := float64(y[0].Float32s()[3*r+k]); math.Abs(got-want) > 1e-6 {
				t.Errorf("softmax of the logits is %g, the output %g", want, got)
			}
		}
	}
}

// TestSession: batches that do not divide the number of samples, and a model with a
// fixed batch size, give the results of one large batch.
func TestSession(t *testing.T) {
	x := randomInput(7, 2, 6, 6)
	want := map[string][]float32{}
	var outputs []float32
	for i, batch := range []int{-1, 3} {
		b := convNet()
		b.graph.Input = nil
		b.input("x", batch, 2, 6, 6)
		for _, size := range []int{7, 3} {
			s, err := NewSession(b.open(t), Config{Gradients: All}, size)
			if err != nil {
				t.Fatal(err)
			}
			_, grads, err := s.Gradients(rows(x), func(_, n int) Loss { return rowSum(n) })
			if err != nil {
				t.Fatal(err)
			}
			var out []float32
			err = s.Forward(rows(x), func(_, n int, o []nd.Array) error {
				if o[0].Shape[0] != n {
					t.Errorf("%d rows for %d samples", o[0].Shape[0], n)
				}
				out = append(out, o[0].Float32s()...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && size == 7 {
				want, outputs = grads, out
				continue
			}
			if !close(out, outputs) {
				t.Errorf("batch %d of %d: outputs differ", batch, size)
			}
			for name := range maps.Keys(want) {
				if !close(grads[name], want[name]) {
					t.Errorf("batch %d of %d: gradient of %s differs", batch, size, name)
				}
			}
		}
	}
}

// rowSum is the mean over the first n rows of a fixed combination of outputs.
func rowSum(n int) Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		width := outputs[0].Shape[1]
		clear(seeds[0].Float32s())
		for i := range n * width {
			seeds[0].Float32s()[i] = float32(i%width) / float32(n)
		}
		return 0, nil
	}
}

func close(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
}

type rows map[string]nd.Array

func (r rows) Len() int { return r["x"].Shape[0] }
func (r rows) Batch(lo, hi int) (map[string]nd.Array, error) {
	return map[string]nd.Array{"x": r["x"].Rows(lo, hi)}, nil
}

func TestCompileErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		model *modelBuilder
		shape []int
		want  string // part of the message
		is    error
	}{
		{"unsupported operators", newModel().input("x", 2).node("NoSuchOp", []string{"x"}, []string{"a"}).node("Nor", []string{"a"}, []string{"y"}).output("y"), []int{2}, `2 unsupported nodes: NoSuchOp "NoSuchOp_0" (opset 17): operator not implemented; Nor "Nor_1"`, ops.ErrUnsupported},
		{"cycle", newModel().input("x", 2).node("Add", []string{"x", "b"}, []string{"a"}).node("Relu", []string{"a"}, []string{"b"}).output("b"), []int{2}, "cycle", nil},
		{"own input", newModel().input("x", 2).node("Add", []string{"x", "y"}, []string{"y"}).output("y"), []int{2}, "cycle", nil},
		{"shapes", newModel().input("x", 2).weight("w", 3).node("Add", []string{"x", "w"}, []string{"y"}).output("y"), []int{2}, "shapes [2] and [3] cannot be broadcast", nil},
		{"rank", newModel().input("x", 2).weight("w", 3).node("Conv", []string{"x", "w"}, []string{"y"}).output("y"), []int{2}, `node Conv "Conv_0": input of shape [2]`, nil},
		{"data of another shape", newModel().input("x", -1, 3).node("Relu", []string{"x"}, []string{"y"}).output("y"), []int{2, 4}, "data of shape [2 4] for input x float32[batch,3]", nil},
		{"attribute of another type", newModel().input("x", 2).node("Transpose", []string{"x"}, []string{"y"}, intAttr("perm", 3)).output("y"), []int{2}, `attribute "perm" is of type INT, not INTS`, nil},
		{"huge", newModel().input("x", 1).ints("s", 1<<40, 1<<40).node("Expand", []string{"x", "s"}, []string{"y"}).output("y"), []int{1}, "too many elements", nil},
		{"large", newModel().input("x", 1).ints("s", 1<<20, 1<<20).node("Expand", []string{"x", "s"}, []string{"y"}).output("y"), []int{1}, "at most", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(test.model.open(t), Config{Shapes: map[string][]int{"x": test.shape}, Gradients: All})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
		})
	}
}
