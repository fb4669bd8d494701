package attack

import (
	"math"
	"slices"
	"testing"
)

func TestResetFar(t *testing.T) {
	x := make([]float32, 100)
	for i := range x {
		x[i] = float32(i%2*2 - 1) // ±1
	}
	x[7] = 30
	clipped := slices.Clone(x)
	if n := resetFar(x, 4, false); n != 1 || math.Abs(float64(x[7])-0.29) > 0.001 {
		t.Errorf("%d reset, the outlier is %v", n, x[7])
	}
	if n := resetFar(clipped, 4, true); n != 1 || clipped[7] < 10 || clipped[7] > 15 {
		t.Errorf("%d reset, the outlier is %v", n, clipped[7])
	}
	if n := resetFar(make([]float32, 5), 3, false); n != 0 {
		t.Errorf("%d of five equal values are outliers", n)
	}
}

func TestResetEnds(t *testing.T) {
	x := []float32{5, -9, 1, 2, 3, 4, 9, 0}
	resetEnds(x, 1)
	if want := []float32{5, 3, 1, 2, 3, 4, 3, 0}; !slices.Equal(x, want) {
		t.Errorf("%v, want %v", x, want)
	}
}

func TestParseOptimiser(t *testing.T) {
	for _, o := range DefaultGrid() {
		if got, err := ParseOptimiser(o.String()); err != nil || got != o {
			t.Errorf("%v: %v, %v", o, got, err)
		}
	}
	for _, s := range []string{"", "sgd", "sgd:", "sgd:x", "sgd:0", "sgd:-1", "sgd:inf", "sgd:nan", "rmsprop:0.1"} {
		if _, err := ParseOptimiser(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

// TestDescent compares three steps with the rules computed in float64.
func TestDescent(t *testing.T) {
	grads := [][]float32{{1, -2}, {0.5, 1}, {-3, 0.25}}
	for _, o := range []Optimiser{{Rule: "sgd", Rate: 0.1}, {Rule: "sgd", Rate: 0.1, Decay: 0.2}, {Rule: "adam", Rate: 0.1}, {Rule: "adam", Rate: 0.1, Decay: 0.2}} {
		w := []float32{1, 2}
		d := newDescent(o)
		for _, g := range grads {
			d.begin()
			d.update("w", w, g, 0.5, nil)
		}
		for i, start := range []float64{1, 2} {
			x, m, v := start, 0.0, 0.0
			for k, g := range grads {
				f := float64(g[i]) + o.Decay*x
				if o.Rule == "sgd" {
					m = 0.9*m + f
					x -= 0.05 * m
					continue
				}
				m, v = 0.9*m+0.1*f, 0.999*v+0.001*f*f
				x -= 0.05 * (m / (1 - math.Pow(0.9, float64(k+1)))) / (math.Sqrt(v/(1-math.Pow(0.999, float64(k+1)))) + 1e-8)
			}
			if math.Abs(x-float64(w[i])) > 1e-5 {
				t.Errorf("%v: weight %d is %v, want %v", o, i, w[i], x)
			}
		}
	}
	w := []float32{1, 1}
	newDescent(Optimiser{Rule: "sgd", Rate: 1}).update("w", w, []float32{1, 1}, 1, []bool{false, true})
	if w[0] != 1 || w[1] != 0 {
		t.Errorf("with the second weight free: %v", w)
	}
}
