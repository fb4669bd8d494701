package attack

import (
	"context"
	"slices"
	"testing"
)

// TestUnflip turns the signs around that raise the loss most, and has them found
// again.
func TestUnflip(t *testing.T) {
	l := testLab(t, 120, Options{Batch: 32, Validation: 0.4})
	ctx := context.Background()
	grads, err := l.gradients(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var list []reset
	for _, name := range l.names {
		for i, w := range l.values(name) {
			list = append(list, reset{site{name, i}, -w, -2 * float64(grads[name][i]) * float64(w)})
		}
	}
	slices.SortStableFunc(list, byGain)
	for _, r := range list[:6] {
		l.values(r.tensor)[r.index] = r.value
	}
	locked, err := l.measure(ctx, l.valid)
	if err != nil || locked > 0.7 {
		t.Fatalf("accuracy %.3f after 6 signs: %v", locked, err)
	}
	note, err := l.unflip(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := l.measure(ctx, l.valid); err != nil || back < locked+0.05 {
		t.Errorf("accuracy %.3f → %.3f, %s: %v", locked, back, note, err)
	}
}

// TestLearnSigns has to leave the magnitudes, and turn some signs around.
func TestLearnSigns(t *testing.T) {
	l := testLab(t, 60, Options{Batch: 8, Epochs: 4, Validation: 0.2, Grid: []Optimiser{{Rule: "adam", Rate: 0.01}}})
	for i, x := range l.values(l.anatomy.layers[1].weight) {
		l.values(l.anatomy.layers[1].weight)[i] = x * float32(1-2*(i%2))
	}
	before := l.snapshot()
	if _, err := learnSigns(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	turned := 0
	for _, name := range l.names {
		for i, x := range l.values(name) {
			if magnitude(x) != magnitude(before[name][i]) {
				t.Fatalf("%s[%d]: %v became %v", name, i, before[name][i], x)
			}
			if x != before[name][i] {
				turned++
			}
		}
	}
	if turned == 0 {
		t.Error("no sign has changed")
	}
}

// TestRedrawDoubtful leaves the smaller weights of the second layer.
func TestRedrawDoubtful(t *testing.T) {
	l := testLab(t, 60, Options{})
	l.rng = l.seeded("")
	before := l.snapshot()
	if _, err := redrawDoubtful(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	count := func(layer int) (n int) {
		name := l.anatomy.layers[layer].weight
		for i, x := range l.values(name) {
			if x != before[name][i] {
				n++
			}
		}
		return n
	}
	n := func(layer int) int { return len(l.values(l.anatomy.layers[layer].weight)) }
	if count(0) != n(0) || count(1) != n(1)-n(1)*2/3 || count(2) != 0 {
		t.Errorf("%d of %d, %d of %d and %d weights are drawn anew", count(0), n(0), count(1), n(1), count(2))
	}
}

// TestReestimate gives single weights extreme values, and has them set to
// ordinary ones.
func TestReestimate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(context.Context, *lab) (string, error)
	}{
		{"median", estimated("", "", func(*lab) int { return 16 }, medianOf).change},
		{"unit's mean", estimated("", "", func(*lab) int { return 16 }, unitMean).change},
		{"quantiles", bestQuantiles},
	} {
		l := testLab(t, 100, Options{Batch: 32, Validation: 0.4})
		ctx := context.Background()
		for k := range 3 {
			l.values(l.anatomy.layers[k].weight)[5*k+1] *= -30
			l.values(l.anatomy.layers[k].weight)[5*k+2] = 4
		}
		locked, err := l.measure(ctx, l.valid)
		if err != nil {
			t.Fatal(err)
		}
		note, err := c.change(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := l.measure(ctx, l.valid); err != nil || back < locked+0.05 {
			t.Errorf("%s: accuracy %.3f → %.3f, %s: %v", c.name, locked, back, note, err)
		}
	}
}
