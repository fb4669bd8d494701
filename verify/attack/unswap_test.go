package attack

import (
	"context"
	"testing"

	"github.com/advparams/advparams/internal/swaps"
)

// TestUnswap exchanges what raises the loss most, and has that found again.
func TestUnswap(t *testing.T) {
	l := testLab(t, 120, Options{Batch: 32, Validation: 0.4})
	ctx := context.Background()
	grads, err := l.gradients(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var tensors []swaps.Tensor
	for _, name := range l.names {
		g := grads[name]
		for i := range g {
			g[i] = -g[i]
		}
		tensors = append(tensors, swaps.Tensor{Name: name, Weights: l.values(name), Grad: g, Quota: 1})
	}
	for _, p := range swaps.Best(tensors, 3) {
		w := l.values(p.Tensor)
		w[p.I], w[p.J] = w[p.J], w[p.I]
	}
	locked, err := l.measure(ctx, l.valid)
	if err != nil || locked > 0.7 {
		t.Fatalf("accuracy %.3f after 3 exchanges: %v", locked, err)
	}
	note, err := l.unswap(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := l.measure(ctx, l.valid); err != nil || back < locked+0.05 {
		t.Errorf("accuracy %.3f → %.3f, %s: %v", locked, back, note, err)
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
