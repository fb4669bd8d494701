package gradient

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
)

// wideNet has convolutions with enough channels that their kernels bring weights in another
// form, one of them weights that the graph computes.
func wideNet() *modelBuilder {
	return newModel().
		input("x", -1, 2, 6, 6).
		weight("w1", 16, 2, 3, 3).weight("b1", 16).weight("w2", 16, 16, 3, 3).weight("s", 16, 1, 1, 1).weight("w3", 32, 16, 1, 1).weight("unused", 3).
		node("Conv", []string{"x", "w1", "b1"}, []string{"c1"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Relu", []string{"c1"}, []string{"r1"}).
		node("Mul", []string{"w2", "s"}, []string{"ws"}).
		node("Conv", []string{"r1", "ws"}, []string{"c2"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Conv", []string{"c2", "w3"}, []string{"c3"}).
		node("GlobalAveragePool", []string{"c3"}, []string{"y"}).
		output("y")
}

// TestKeptWeights: gradients after a change are those of a program that keeps nothing, also by
// weights whose kernels keep a form of them; so are those of a fork.
func TestKeptWeights(t *testing.T) {
	m := wideNet().open(t)
	w, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, m, Config{Keep: true, Weights: w, Gradients: All}, 4)
	for _, name := range []string{"w1", "w2", "s", "w3"} {
		if !slices.ContainsFunc(p.keepers[name], func(k ops.Keeper) bool { return k.Weights() == 1 }) {
			t.Errorf("no kernel keeps %s", name)
		}
	}
	fork, err := p.Fork()
	if err != nil {
		t.Fatal(err)
	}
	full := compile(t, m, Config{Weights: w, Gradients: All}, 4)
	x, other := randomInput(4, 2, 6, 6), randomInput(4, 2, 6, 6)
	for i := range other["x"].Float32s() {
		other["x"].Float32s()[i] *= -1
	}
	for _, f := range []struct {
		p *Program
		x map[string]nd.Array
	}{{p, x}, {fork, other}} {
		if _, err := f.p.Forward(f.x); err != nil {
			t.Fatal(err)
		}
	}
	first := try(t, p, "b1")
	for _, name := range []string{"w1", "w2", "s", "w3"} {
		try(t, fork, name)
		if !slices.Equal(try(t, p, "b1"), first) {
			t.Errorf("trying a change of %s left traces", name)
		}
	}
	for _, name := range []string{"w1", "b1", "w2", "s", "w3"} {
		try(t, fork, name)
		a, _ := w.Array(name)
		a.Float32s()[0]--
		for _, f := range []struct {
			p *Program
			x map[string]nd.Array
		}{{p, x}, {fork, other}} {
			if _, err := f.p.Refresh(name); err != nil {
				t.Fatal(err)
			}
			if _, err := f.p.Backward(Probe); err != nil {
				t.Fatal(err)
			}
			if _, _, err := full.Gradients(f.x, Probe); err != nil {
				t.Fatal(err)
			}
			for _, by := range w.Names() {
				got, _ := f.p.Gradient(by)
				want, _ := full.Gradient(by)
				if !slices.Equal(got, want) {
					t.Errorf("after a change of %s the gradient by %s differs", name, by)
				}
			}
		}
	}
}

// try returns the output with another first element of a weight.
func try(t *testing.T, p *Program, name string) []float32 {
	t.Helper()
	out, err := p.Try(name, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out[0].Float32s())
}

// TestKeptRoundedWeights: the same for products of rounded factors, such as those of an embedding
// that is the last layer, too.
func TestKeptRoundedWeights(t *testing.T) {
	if !CanRound() {
		t.Skip("no matrix unit")
	}
	m := newModel().
		input("x", -1, 96).
		weight("w1", 96, 128).weight("b1", 128).weight("w2", 96, 128).
		node("MatMul", []string{"x", "w1"}, []string{"m1"}).
		node("Add", []string{"m1", "b1"}, []string{"a1"}).
		node("Gemm", []string{"a1", "w2"}, []string{"m2"}, intAttr("transB", 1)).
		node("Transpose", []string{"w1"}, []string{"t"}, intsAttr("perm", 1, 0)).
		node("MatMul", []string{"a1", "t"}, []string{"m3"}).
		node("Mul", []string{"m2", "m3"}, []string{"y"}).
		output("y").open(t)
	w, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	const n = 160
	shapes := map[string][]int{"x": {n, 96}}
	p := compiled(t, m, Config{Keep: true, Weights: w, Gradients: All, Rounded: true, Shapes: shapes})
	for name, users := range map[string]int{"w1": 2, "w2": 1} {
		if k := p.keepers[name]; len(k) < users {
			t.Errorf("%d kernels keep %s, fewer than %d", len(k), name, users)
		}
	}
	full := compiled(t, m, Config{Weights: w, Gradients: All, Rounded: true, Shapes: shapes})
	x := randomInput(n, 96)
	check := func(what string) {
		t.Helper()
		if _, err := p.Backward(Probe); err != nil {
			t.Fatal(err)
		}
		if _, _, err := full.Gradients(x, Probe); err != nil {
			t.Fatal(err)
		}
		for _, by := range w.Names() {
			got, _ := p.Gradient(by)
			want, _ := full.Gradient(by)
			if !slices.Equal(got, want) {
				t.Errorf("%s: the gradient by %s differs", what, by)
			}
		}
	}
	if _, err := p.Forward(x); err != nil {
		t.Fatal(err)
	}
	check("at first")
	for _, name := range w.Names() {
		first := try(t, p, "b1")
		try(t, p, name)
		if !slices.Equal(try(t, p, "b1"), first) {
			t.Errorf("trying a change of %s left traces", name)
		}
		a, _ := w.Array(name)
		a.Float32s()[0]--
		if _, err := p.Refresh(name); err != nil {
			t.Fatal(err)
		}
		check("after a change of " + name)
	}
}
