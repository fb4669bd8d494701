package perturb

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
)

func TestHardenedDemo(t *testing.T) {
	t.Parallel()
	samples := 512
	if testing.Short() {
		samples = 160
	}
	m, train := demo(t, dataset.Train, samples)
	workers := gradient.NewWorkers(2)
	defer workers.Close()
	opt := HardenedOptions{Options: Options{Workers: workers, Calibration: 128}}
	first, err := Hardened(context.Background(), m, train, opt)
	if err != nil {
		t.Fatal(err)
	}
	most := int(DefaultBudget * float64(first.Total))
	if n := len(first.Changes); n > most || n < most*9/10 {
		t.Errorf("%d changes of at most %d", n, most)
	}
	if first.Before.Quality < 0.9 || first.Locked.Quality > first.Target {
		t.Errorf("accuracy %.3f → %.3f, target %.3f", first.Before.Quality, first.Locked.Quality, first.Target)
	}
	names, changed := first.PerTensor()
	if len(names) < 5 {
		t.Errorf("changes in %q only", names)
	}
	for _, name := range names {
		if a := m.Weight(name); len(a.Dims) < 2 {
			t.Errorf("%d changes in %s, which is no layer's weight", changed[name], name)
		}
	}
	// Of the first layer every second sign is turned around.
	front := m.Proto().GetGraph().GetNode()[0].GetInput()[1]
	if n := m.Weight(front).Len(); changed[front] < n*2/5 || changed[front] > n/2 {
		t.Errorf("%d of %d elements of %s are changed", changed[front], n, front)
	}
	shrunk, moved := 0, map[site]bool{}
	for _, c := range first.Changes {
		if at := (site{c.Tensor, c.Index}); moved[at] {
			t.Errorf("%s[%d] is moved twice", c.Tensor, c.Index)
		} else {
			moved[at] = true
		}
		if m.Weight(c.Tensor).Bits(c.Index) != c.Old {
			t.Errorf("%s[%d]: old bits %#x are not those of the file", c.Tensor, c.Index, c.Old)
		}
		if x, y := m.Weight(c.Tensor).Decode(c.Old), m.Lookup(c.Tensor).Decode(c.New); x*y >= 0 || math.Abs(float64(y)) > math.Abs(float64(x)) {
			t.Errorf("%s[%d]: %v became %v", c.Tensor, c.Index, x, y)
		} else if r := rangeOf(t, m, c.Tensor); y < r.low.value || y > r.high.value {
			t.Errorf("%s[%d]: %v is outside of its tensor's range", c.Tensor, c.Index, y)
		} else if x != -y {
			shrunk++
		}
	}
	if shrunk > most/20 {
		t.Errorf("%d of %d weights had no negative in the range", shrunk, len(first.Changes))
	}
	_, test := demo(t, dataset.Test, samples)
	if locked := accuracyOf(t, m, test, first.Changes, workers); locked > 0.125 {
		t.Errorf("test accuracy of the locked model is %.4f; chance is 0.0625", locked)
	}
	opt.Workers = nil
	second, err := Hardened(context.Background(), m, train, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Changes, second.Changes) {
		t.Error("two runs differ")
	}
}

func TestHardenedLimits(t *testing.T) {
	t.Parallel()
	m, train := demo(t, dataset.Train, 128)
	ctx := context.Background()
	small := Options{Calibration: 64}
	r, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Budget: 0.0001})
	if !errors.Is(err, ErrTarget) || r == nil || len(r.Changes) == 0 || len(r.Changes) > 4 {
		t.Errorf("4 parameters: %+v, %v", r, err)
	}
	if _, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Spread: 1.5}); err == nil {
		t.Error("more than the budget is spread")
	}
	for _, budget := range []float64{-1, 1.5, 1e-9} {
		if _, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Budget: budget}); err == nil || errors.Is(err, ErrTarget) {
			t.Errorf("budget %v: %v", budget, err)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Hardened(stopped, m, train, HardenedOptions{Options: small}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func rangeOf(t *testing.T, m *onnxio.Model, tensor string) bounds {
	t.Helper()
	init := m.Weight(tensor)
	x, err := init.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	r, _ := boundsOf(init, x, false)
	return r
}

func TestMirror(t *testing.T) {
	for _, c := range []struct{ low, high, want float32 }{{-1, 0.5, 0}, {0, 254, 127}, {-3, -1, -2}} {
		b := bounds{bound{value: c.low}, bound{value: c.high}}
		if got := b.mirror(); got != c.want {
			t.Errorf("%v to %v: %v, want %v", c.low, c.high, got, c.want)
		}
	}
}

// TestReflected finds the mirror image of every element inside the tensor's range,
// and of none at its ends.
func TestReflected(t *testing.T) {
	m, train := demo(t, dataset.Train, 16)
	s, err := newSearch(m, train, Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &hardening{search: s, done: map[string][]bool{}}
	name := h.layers()[0]
	a, _ := s.weights.Array(name)
	w := a.Float32s()
	copy(w, []float32{-0.25, 1, 0.5, 0, 0.125})
	for i := range w[5:] {
		w[5+i] = 0.0625
	}
	s.bounds[name], _ = boundsOf(m.Weight(name), w, false)
	for i, want := range []float32{0.25, -0.25 * shrink, -0.125 * shrink, 0, -0.125} {
		_, got, ok := h.reflected(name, i)
		if math.Abs(float64(got-want)) > 1e-6 || ok != (want != 0) {
			t.Errorf("%v became %v, %v, want %v", w[i], got, ok, want)
		}
	}
}
