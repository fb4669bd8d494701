package attack

import (
	"context"
	"testing"
)

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
