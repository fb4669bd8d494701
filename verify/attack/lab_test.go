package attack

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// testLab returns a lab on the intact demo model with some of its data.
func testLab(t *testing.T, limit int, opt Options) *lab {
	t.Helper()
	m, train, test := intact(t, limit)
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	l.rng = l.seeded("test")
	return l
}

func TestAnatomy(t *testing.T) {
	l := testLab(t, 40, Options{})
	a := l.anatomy
	if len(a.layers) < 5 {
		t.Fatalf("%d layers", len(a.layers))
	}
	for _, y := range a.layers {
		w, _ := l.weights.Array(y.weight)
		if y.units == 0 || y.fanIn*y.units != w.Len() || y.bias == "" || len(l.biasOf(&y)) != y.units {
			t.Errorf("layer %+v with weight %v", y, w.Shape)
		}
		if a.role(y.weight) != factor || a.role(y.bias) != bias {
			t.Errorf("%s and %s: roles %v and %v", y.weight, y.bias, a.role(y.weight), a.role(y.bias))
		}
	}
	if got := l.namesIn(lastLayer); len(got) != 2 {
		t.Errorf("the last layer has %q", got)
	}
}

func TestScratchLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	m, train, test := intact(t, 2000)
	opt := Options{Epochs: 10, Batch: 16}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(m, fewClasses(train), fewClasses(test), opt)
	if err != nil {
		t.Fatal(err)
	}
	l.rng = l.seeded("test")
	ctx := context.Background()
	l.reinitialise()
	if err := l.renormalise(ctx); err != nil {
		t.Fatal(err)
	}
	before, err := l.measure(ctx, l.test)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.fit(ctx, training{optimiser: Optimiser{Rule: "adam", Rate: 0.003}, scope: everything, epochs: opt.Epochs, rng: l.rng}); err != nil {
		t.Fatal(err)
	}
	after, err := l.measure(ctx, l.test)
	if err != nil {
		t.Fatal(err)
	}
	if before > 0.5 || after < 0.5 {
		t.Errorf("accuracy %.3f with initial weights, %.3f after training; chance is 0.25", before, after)
	}
}

// fewClasses returns the samples of the first four classes, which take less
// training to tell apart.
func fewClasses(set *dataset.Set) *dataset.Set {
	var rows []int
	for i, label := range set.Labels() {
		if label < 4 {
			rows = append(rows, i)
		}
	}
	return set.Subset(rows)
}

// TestRenormalise checks the moments of what every layer computes.
func TestRenormalise(t *testing.T) {
	l := testLab(t, 80, Options{Batch: 32})
	l.reinitialise()
	if err := l.renormalise(context.Background()); err != nil {
		t.Fatal(err)
	}
	inputs, _, err := l.minibatch(l.train, 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	outputs := len(l.model.Proto().GetGraph().GetOutput())
	layers := l.normalisable()
	p, err := l.observe(l.model.Proto().GetGraph().GetNode(), outputsOf(layers), inputs)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Forward(inputs)
	if err != nil {
		t.Fatal(err)
	}
	for k, y := range layers {
		m := newMoments(y.units)
		m.add(out[k], y.axis, identity)
		for u := range y.units {
			// The statistics were taken on this batch and another one.
			if center, deviation := m.of(u); math.Abs(center) > 0.7 || deviation < 0.4 || deviation > 1.9 {
				t.Errorf("%s, unit %d: mean %.3f, deviation %.3f", y.weight, u, center, deviation)
			}
		}
	}
	if n := len(l.model.Proto().GetGraph().GetOutput()); n != outputs {
		t.Errorf("the graph has %d outputs, it had %d", n, outputs)
	}
}

func TestPrune(t *testing.T) {
	l := testLab(t, 60, Options{Epochs: 1})
	total := 0
	for _, name := range l.names {
		if l.anatomy.role(name) == factor {
			total += len(l.values(name))
		}
	}
	if n := l.prune(0.5); n < total/2-1 || n > total/2+total/100 {
		t.Errorf("%d of %d weights pruned", n, total)
	}
	pruned := l.nonzero()
	tr := training{optimiser: Optimiser{Rule: "adam", Rate: 0.01}, scope: everything, epochs: 1, only: pruned, rng: l.rng}
	before := l.snapshot()
	if finite, err := l.epoch(context.Background(), tr, newDescent(tr.optimiser)); !finite || err != nil {
		t.Fatal(finite, err)
	}
	moved := 0
	for _, name := range l.names {
		for i, x := range l.values(name) {
			if !pruned[name][i] && x != 0 {
				t.Fatalf("%s[%d] was pruned and is %v after training", name, i, x)
			}
			if x != before[name][i] {
				moved++
			}
		}
	}
	if moved == 0 {
		t.Error("training moved nothing")
	}
}

func TestTopProducts(t *testing.T) {
	l := testLab(t, 60, Options{})
	ctx := context.Background()
	grads, err := l.gradients(ctx)
	if err != nil {
		t.Fatal(err)
	}
	top, err := l.topProducts(ctx, 10)
	if err != nil || len(top) != 10 {
		t.Fatalf("%v, %v", top, err)
	}
	least := float32(math.Inf(1))
	for _, s := range top {
		least = min(least, magnitude(grads[s.tensor][s.index]*l.values(s.tensor)[s.index]))
	}
	larger := 0
	for _, name := range l.names {
		for i, g := range grads[name] {
			if magnitude(g*l.values(name)[i]) > least {
				larger++
			}
		}
	}
	if larger != 9 {
		t.Errorf("%d weights have a larger product than the tenth", larger)
	}
}

// TestMinibatch makes sure that filling up a batch does not alter gradients.
func TestMinibatch(t *testing.T) {
	l := testLab(t, 60, Options{Batch: 8})
	p, err := l.program(everything)
	if err != nil {
		t.Fatal(err)
	}
	grad := func(lo, hi int) []float32 {
		inputs, loss, err := l.minibatch(l.train, lo, hi)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Gradients(inputs, loss); err != nil {
			t.Fatal(err)
		}
		g, _ := p.Gradient(l.names[0])
		return slices.Clone(g)
	}
	one, two, both := grad(0, 3), grad(3, 8), grad(0, 8)
	for i := range both {
		if want := (3*one[i] + 5*two[i]) / 8; math.Abs(float64(want-both[i])) > 1e-5 {
			t.Fatalf("gradient %d is %v, the parts give %v", i, both[i], want)
		}
	}
}

func TestReinitDead(t *testing.T) {
	l := testLab(t, 60, Options{})
	y := l.anatomy.layers[0]
	w, b := l.values(y.weight), l.biasOf(&y)
	for i := range w {
		if y.unitOf(i) == 1 {
			w[i] = 0
		}
	}
	b[1] = -100 // which no Relu lets through
	grads, err := l.gradients(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if units := dead(&y, grads[y.weight]); !slices.Contains(units, 1) {
		t.Fatalf("dead units %v, 1 is one", units)
	}
	l.reinitUnit(&y, 1)
	for i, x := range w {
		if y.unitOf(i) == 1 && x == 0 {
			t.Errorf("weight %d is still 0", i)
		}
	}
	if b[1] != 0 {
		t.Errorf("the bias is %v", b[1])
	}
}

// TestStaged trains nothing but the layers that were drawn anew.
func TestStaged(t *testing.T) {
	l := testLab(t, 60, Options{Batch: 8, Epochs: 3, Validation: 0.2, Grid: []Optimiser{{Rule: "adam", Rate: 0.003}}})
	l.rng = l.seeded("")
	before := l.snapshot()
	if _, err := staged(reinitFirst(1), 0).change(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	first := l.anatomy.layers[0]
	for _, name := range l.names {
		if same := slices.Equal(l.values(name), before[name]); same == (name == first.weight) && name != first.bias {
			t.Errorf("%s: as it was: %v", name, same)
		}
	}
	if b := l.values(first.bias); slices.Max(b) == 0 && slices.Min(b) == 0 {
		t.Error("the bias was not trained")
	}
}
