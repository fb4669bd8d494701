package gradient

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// deciders are models in which the numbers of an input and a weight decide what is computed,
// with what they compute of x and w, each of 4 elements.
var deciders = []struct {
	name  string
	model func() *modelBuilder
	want  func(x, w []float32) []float32
}{
	{"positions", func() *modelBuilder { // of products above 0
		return product().node("Greater", []string{"a", "zero"}, []string{"is"}).
			node("NonZero", []string{"is"}, []string{"at"}).ints("first", 0).
			node("Squeeze", []string{"at", "first"}, []string{"flat"}).
			node("Gather", []string{"a", "flat"}, []string{"y"}).output("y")
	}, func(x, w []float32) (y []float32) {
		for i := range x {
			if a := x[i] * w[i]; a > 0 {
				y = append(y, a)
			}
		}
		return y
	}},
	{"iterations", func() *modelBuilder { // until the largest is 10
		body := newModel().input("i").input("c").input("h").
			node("Mul", []string{"h", "w"}, []string{"more"}).
			node("ReduceMax", []string{"more"}, []string{"top"}, intAttr("keepdims", 0)).
			node("Less", []string{"top", "ten"}, []string{"go"}).output("go", "more")
		return product().floats("ten", 10).truth("yes", true).
			node("Squeeze", []string{"ten"}, []string{"limit"}).
			node("Loop", []string{"", "yes", "x"}, []string{"y"}, graphAttr("body", body)).output("y")
	}, func(x, w []float32) []float32 {
		y := slices.Clone(x)
		for top := float32(0); top < 10; {
			for i := range y {
				y[i] *= w[i]
			}
			top = slices.Max(y)
		}
		return y
	}},
	{"branches", func() *modelBuilder { // of different shapes
		then := newModel().node("Mul", []string{"a", "w"}, []string{"t"}).output("t")
		otherwise := newModel().node("ReduceSum", []string{"a"}, []string{"e"}, intAttr("keepdims", 1)).output("e")
		return product().node("ReduceSum", []string{"a"}, []string{"sum"}, intAttr("keepdims", 0)).
			node("Squeeze", []string{"zero"}, []string{"z"}).
			node("Greater", []string{"sum", "z"}, []string{"c"}).
			node("If", []string{"c"}, []string{"y"}, graphAttr("then_branch", then), graphAttr("else_branch", otherwise)).output("y")
	}, func(x, w []float32) []float32 {
		sum, y := float32(0), slices.Clone(x)
		for i := range x {
			sum += x[i] * w[i]
			y[i] *= w[i] * w[i]
		}
		if sum > 0 {
			return y
		}
		return []float32{sum}
	}},
}

func product() *modelBuilder {
	return newModel().input("x", 4).weight("w", 4).floats("zero", 0).node("Mul", []string{"x", "w"}, []string{"a"})
}

var whole = &Axes{Inputs: map[string]int{"x": NoAxis}, Outputs: map[string]int{"y": NoAxis}, Single: true, Batch: 1}

// TestDecided: a session computes what the numbers of each sample and the present weights
// decide, whatever they were before, and gradients are those of what was decided.
func TestDecided(t *testing.T) {
	samples := arrays{"x": nd.Of([]float32{1, 2, -3, 1, 4, -1, 2, -9}, 2, 4)}
	for _, d := range deciders {
		t.Run(d.name, func(t *testing.T) {
			m := d.model().open(t)
			for _, gradients := range []func(string) bool{nil, All} {
				w, err := LoadWeightsToChange(m, All)
				if err != nil {
					t.Fatal(err)
				}
				s, err := NewSession(m, Config{Axes: whole, Weights: w, Gradients: gradients}, 1)
				if err != nil {
					t.Fatal(err)
				}
				now, _ := w.Array("w")
				for _, weights := range [][]float32{{2, 3, 1.5, 2}, {-1, 1.5, 2, 3}, {2, 3, 1.5, 2}, {1.5, -2, 3, 2}} {
					copy(now.Float32s(), weights)
					err := s.Forward(samples, func(lo, n int, out []nd.Array) error {
						want := d.want(samples["x"].Rows(lo, lo+1).Float32s(), weights)
						if err := closeTo(out[0], nd.Of(want, 1, len(want))); err != nil {
							t.Errorf("weights %v, sample %d: %v", weights, lo, err)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if gradients == nil {
						continue
					}
					sum := func(lo, n int) Loss {
						return func(out, seeds []nd.Array) (v float64, err error) {
							for i, y := range out[0].Float32s() {
								v += float64(y)
								seeds[0].Float32s()[i] = 1
							}
							return v, nil
						}
					}
					_, got, err := s.Gradients(samples, sum)
					if err != nil {
						t.Fatal(err)
					}
					for i := range weights {
						value := func(step float32) (v float64) {
							other := slices.Clone(weights)
							other[i] += step
							for k := range 2 {
								for _, y := range d.want(samples["x"].Rows(k, k+1).Float32s(), other) {
									v += float64(y) / 2
								}
							}
							return v
						}
						const h = 1e-3
						if want := (value(h) - value(-h)) / (2 * h); math.Abs(want-float64(got["w"][i])) > 0.02*max(1, math.Abs(want)) {
							t.Errorf("weights %v: gradient %d is %v, want %v", weights, i, got["w"][i], want)
						}
					}
				}
			}
		})
	}
}

// TestDecidedProgram: a program refuses weights that would have decided otherwise, and says so.
func TestDecidedProgram(t *testing.T) {
	x := nd.Of([]float32{1, 2, -3, 1}, 1, 4)
	m := deciders[0].model().open(t)
	w, err := LoadWeightsToChange(m, All)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(m, Config{Axes: whole, Weights: w, Shapes: map[string][]int{"x": {1, 4}}, Values: map[string]nd.Array{"x": x}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Forward(map[string]nd.Array{"x": x}); err != nil || !p.Decided() {
		t.Fatalf("%v; decided %v", err, p.Decided())
	}
	now, _ := w.Array("w")
	was := now.Float32s()[0]
	now.Float32s()[0]++
	_, err = p.Forward(map[string]nd.Array{"x": x})
	if e, ok := errors.AsType[*AssumedError](err); !ok || e.Weight != "w" {
		t.Errorf("%v", err)
	}
	now.Float32s()[0] = was
	if _, err := p.Forward(map[string]nd.Array{"x": x}); err != nil {
		t.Error(err)
	}
}
