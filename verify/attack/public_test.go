package attack

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// ancestor returns weights that a model could have been tuned from.
func ancestor(t *testing.T, l *lab) *gradient.Weights {
	t.Helper()
	w := l.weights.Clone()
	rng := l.seeded("ancestor")
	for _, name := range l.names {
		a, _ := w.Array(name)
		d := deviation(a.Float32s())
		for i := range a.Float32s() {
			a.Float32s()[i] += float32(0.05 * d * rng.NormFloat64())
		}
	}
	return w
}

// TestMatch undoes permutations, scales and signs of the units or inputs of a layer.
func TestMatch(t *testing.T) {
	l := testLab(t, 40, Options{})
	public := ancestor(t, l)
	l.public = l.align(public)
	if len(l.public) != len(l.drawable()) {
		t.Fatalf("%d of %d tensors are paired", len(l.public), len(l.drawable()))
	}
	tuned := l.snapshot()
	for _, y := range l.anatomy.layers {
		a, _ := l.weights.Array(y.weight)
		x := a.Float32s()
		p := l.public[slices.IndexFunc(l.public, func(p pair) bool { return p.name == y.weight })]
		if y.fanIn < 9 || y.units < 3 {
			continue
		}
		for i := range x {
			u := y.unitOf(i)
			from := i + ((u+1)%y.units-u)*y.stride
			x[i] = tuned[y.weight][from] * []float32{-1, 3, 0.5}[u%3]
		}
		if replaced := l.match(p); replaced > len(x)/4 {
			t.Errorf("%s: %d of %d elements from the public model", y.weight, replaced, len(x))
		}
		if err := distance(x, tuned[y.weight]); err > 0.1 {
			t.Errorf("%s: what comes back is %.2f deviations away", y.weight, err)
		}
		l.restore(l.locked)
	}
}

// distance is the root mean square of the difference, in deviations.
func distance(x, y []float32) float64 {
	sum := 0.0
	for i, v := range x {
		sum += float64(v-y[i]) * float64(v-y[i])
	}
	return math.Sqrt(sum/float64(len(x))) / deviation(y)
}

// TestPublic: the public model undoes a minimal lock without training. Of a sealed file it
// brings back nothing but itself, which is the zero line.
func TestPublic(t *testing.T) {
	lock, original, train, test := locked(t, 120)
	l := testLab(t, 40, Options{})
	opt := quick()
	opt.Public = ancestor(t, l)
	opt.Attacks = []string{Public}
	opt.Settings = func(name, setting string) bool {
		return name == Public || setting == "Kaiming initialisation" || setting == "the public model"
	}
	run := func(m string) *Report {
		t.Helper()
		model := lock
		if m == "sealed" {
			model = sealModel(t, original, 0, testKey(t, 0))
		}
		r, err := Run(context.Background(), model, train, test, opt)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	minimal := find(t, run("minimal"), Public)
	if one := minimal.Settings[0]; one.Optimiser != "" || one.Accuracy < 0.9 {
		t.Errorf("minimal lock: %+v", one)
	}
	r := run("sealed")
	if *r.Advantage > 0.05 || r.Zero.Accuracy < 0.8 {
		t.Errorf("sealed: advantage %+.3f over %+v", *r.Advantage, r.Zero)
	}
	few := gradient.Weights{}
	var wrong *PublicError
	opt.Public = &few
	if _, err := Run(context.Background(), lock, train, test, opt); !errors.As(err, &wrong) {
		t.Errorf("another model: %v", err)
	}
}

// TestImitation checks the gradient with differences.
func TestImitation(t *testing.T) {
	original := nd.Of([]float32{1, -2, 0.5, 3, 0, 0}, 2, 3)
	logits := nd.Of([]float32{0.3, -1, 2, 1, 1, -0.5, 9, 9, 9}, 3, 3) // the last row fills up
	loss := imitation(original)
	seeds := []nd.Array{nd.New(nd.Float32, 3, 3)}
	value, err := loss([]nd.Array{logits}, seeds)
	if err != nil || value <= 0 {
		t.Fatal(value, err)
	}
	for i := range logits.Float32s() {
		const step = 1e-2
		moved := slices.Clone(logits.Float32s())
		moved[i] += step
		up, err := loss([]nd.Array{nd.Of(moved, 3, 3)}, []nd.Array{nd.New(nd.Float32, 3, 3)})
		if err != nil {
			t.Fatal(err)
		}
		if g := (up - value) / step; math.Abs(g-float64(seeds[0].Float32s()[i])) > 2e-3 {
			t.Errorf("element %d: gradient %v, differences %v", i, seeds[0].Float32s()[i], g)
		}
	}
	var wrong *OracleError
	if _, err := loss([]nd.Array{nd.New(nd.Float32, 2, 4)}, seeds); !errors.As(err, &wrong) {
		t.Errorf("another number of classes: %v", err)
	}
}

// TestKnockoff learns what the original answers, whatever the labels say.
func TestKnockoff(t *testing.T) {
	m, _, _ := intact(t, 10)
	l := testLab(t, 300, Options{Oracle: m, Batch: 16, Epochs: 4, Grid: []Optimiser{{Rule: "adam", Rate: 0.01}}})
	ctx := context.Background()
	l.train = l.train.WithLabels(make([]int, l.train.Len()))
	last := l.anatomy.layers[len(l.anatomy.layers)-1]
	clear(l.values(last.weight))
	l.locked = l.snapshot()
	list, err := l.try(ctx, Knockoff, variant{tune: lastLayer, answers: true, times: 1})
	if err != nil || list[0].Accuracy < 0.5 {
		t.Errorf("%+v, %v", list, err)
	}
	if n := len(fromAnswers(l)); n != 2 {
		t.Errorf("%d settings", n)
	}
}
