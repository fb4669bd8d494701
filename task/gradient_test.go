package task

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// normal returns an array of random numbers.
func normal(rng *rand.Rand, shape ...int) nd.Array {
	a := nd.New(nd.Float32, shape...)
	for i := range a.Float32s() {
		a.Float32s()[i] = float32(rng.NormFloat64())
	}
	return a
}

// classes returns an array of random integers from low to below high.
func classes(rng *rand.Rand, low, high int, shape ...int) nd.Array {
	a := nd.New(nd.Int64, shape...)
	for i := range a.Int64s() {
		a.Int64s()[i] = int64(low + rng.IntN(high-low))
	}
	return a
}

// TestGradients compares the gradients of every task's losses with differences.
func TestGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		task           Task
		outputs, truth nd.Array
	}{
		{Classification{}, normal(rng, 5, 4), classes(rng, 0, 4, 5)},
		{tallied(t, 1, 2), normal(rng, 5, 5), classes(rng, 0, 5, 5)},
		{Binary{}, normal(rng, 12, 1), classes(rng, 0, 2, 12)},
		{Binary{}, normal(rng, 3), classes(rng, 0, 2, 3)}, // too few for a correlation
		{MultiLabel{}, normal(rng, 12, 3), classes(rng, 0, 2, 12, 3)},
		{Regression{}, normal(rng, 12), normal(rng, 12)},
		{Regression{}, normal(rng, 12, 2), normal(rng, 12, 2)},
		{Regression{}, normal(rng, 3, 2), normal(rng, 3, 2)},
		{Language{}, normal(rng, 2, 3, 5), classes(rng, -1, 5, 2, 3)},
		{Tagging{}, normal(rng, 2, 3, 5), classes(rng, -1, 5, 2, 3)},
		{Tagging{First: true}, normal(rng, 2, 5, 4), classes(rng, -1, 5, 2, 4)},
		{Image{}, normal(rng, 3, 2, 9, 10), normal(rng, 3, 2, 9, 10)}, // too few for columns
		{Image{}, normal(rng, 3, 9, 10, 2), normal(rng, 2, 9, 10, 2)}, // channels last, filled up
		{Segmentation{}, normal(rng, 2, 3, 2, 2), classes(rng, -1, 3, 2, 2, 2)},
		{Segmentation{}, normal(rng, 2, 2, 4, 3), classes(rng, 0, 3, 2, 2, 4)},  // classes last
		{Segmentation{}, normal(rng, 2, 1, 3, 2), classes(rng, 0, 2, 2, 3, 2)},  // one logit
		{Segmentation{}, normal(rng, 2, 3, 2), classes(rng, 0, 2, 2, 1, 3, 2)},  // one logit
		{Segmentation{}, normal(rng, 3, 3, 4, 3), classes(rng, -1, 3, 2, 4, 3)}, // filled up
		{Classification{}, normal(rng, 5, 4), classes(rng, 0, 4, 3)},            // filled up
		{Regression{}, normal(rng, 14, 2), normal(rng, 12, 2)},                  // filled up
		{Embedding{}, normal(rng, 6, 3), normal(rng, 6, 3)},
		{Embedding{}, normal(rng, 8, 3), normal(rng, 6, 3)}, // filled up
		{Embedding{}, normal(rng, 1, 3), normal(rng, 1, 3)},
		{Outputs{}, normal(rng, 12, 2), normal(rng, 12, 2)},
		{Outputs{}, normal(rng, 14, 2), normal(rng, 12, 2)},                         // filled up
		{Outputs{}, normal(rng, 2, 3), normal(rng, 2, 3)},                           // too few for a correlation
		{Outputs{}.Fitted(normal(rng, 9, 3)), normal(rng, 2, 3), normal(rng, 2, 3)}, // the same, with a scale
	} {
		name := fmt.Sprintf("%s %v", c.task.Name(), c.outputs.Shape)
		t.Run(name+" objective", func(t *testing.T) { checkGradient(t, c.task.Objective(c.truth, 0.8), c.outputs, true) })
		t.Run(name+" training", func(t *testing.T) { checkGradient(t, c.task.Training(c.truth), c.outputs, false) })
	}
}

// checkGradient checks a loss, which may be robust: it then takes order statistics
// for constants, and elements that are such may disagree.
func checkGradient(t *testing.T, loss gradient.Loss, outputs nd.Array, robust bool) {
	t.Helper()
	seeds := []nd.Array{nd.New(nd.Float32, outputs.Shape...)}
	y := []nd.Array{outputs}
	value, err := loss(y, seeds)
	if err != nil {
		t.Fatal(err)
	}
	if robust && !(value >= 0 && value <= 1) {
		t.Errorf("the objective is %v", value)
	}
	got := slices.Clone(seeds[0].Float32s())
	x := outputs.Float32s()
	wrong, moved := 0, false
	for i, old := range x {
		const h = 1e-3
		x[i] = old + h
		up, _ := loss(y, nil)
		x[i] = old - h
		down, _ := loss(y, nil)
		x[i] = old
		want := (up - down) / (2 * h)
		if math.Abs(want-float64(got[i])) > 2e-3*max(1, math.Abs(want)) {
			wrong++
		}
		moved = moved || got[i] != 0
	}
	allowed := 0
	if width := nd.Size(outputs.Shape[1:]); robust && len(outputs.Shape) < 3 {
		allowed = 2 * width // the median, and the median deviation
	}
	if wrong > allowed || !moved {
		t.Errorf("%d of %d gradients are wrong: %v", wrong, len(x), got)
	}
}

// TestObjectiveBounds: a perfect model has an objective near 1, one that always
// says the same 0, and one whose outputs are no numbers is not an error.
func TestObjectiveBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	bits := classes(rng, 0, 2, 40, 2)
	numbers := normal(rng, 40, 2)
	logits := nd.New(nd.Float32, 40, 2)
	for i, b := range bits.Int64s() {
		logits.Float32s()[i] = float32(8*b - 4)
	}
	for _, c := range []struct {
		task           Task
		perfect, truth nd.Array
	}{
		{MultiLabel{}, logits, bits}, {Regression{}, numbers, numbers}, {Embedding{}, numbers, numbers}, {Outputs{}, numbers, numbers},
	} {
		constant, broken := nd.New(nd.Float32, 40, 2), nd.New(nd.Float32, 40, 2)
		for i := range broken.Float32s() {
			broken.Float32s()[i] = float32(math.NaN())
		}
		loss := c.task.Objective(c.truth, 1)
		for _, v := range []struct {
			name      string
			outputs   nd.Array
			low, high float64
		}{{"perfect", c.perfect, 0.999, 1.001}, {"constant", constant, 0, 0}, {"NaN", broken, 0, 0}} {
			got, err := loss([]nd.Array{v.outputs}, []nd.Array{nd.New(nd.Float32, 40, 2)})
			if err != nil || !(got >= v.low && got <= v.high) {
				t.Errorf("%s, %s: %v, %v", c.task.Name(), v.name, got, err)
			}
		}
	}
}

// TestSummit: where the truth is the model's own outputs, derivatives vanish. What
// stands for them must not.
func TestSummit(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	x := normal(rng, 40, 3)
	for _, kind := range []Task{Regression{}, Embedding{}, Outputs{}} {
		seeds := []nd.Array{nd.New(nd.Float32, 40, 3)}
		if _, err := kind.Objective(x, 1)([]nd.Array{x}, seeds); err != nil {
			t.Fatal(err)
		}
		norm := 0.0
		for _, g := range seeds[0].Float32s() {
			norm += float64(g) * float64(g)
		}
		if norm < 1e-7 {
			t.Errorf("%s: the gradient's square is %v", kind.Name(), norm)
		}
	}
}
