package perturb

import (
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// TestAffordable: a block of large inputs has as many samples as fit, which one sample tells.
func TestAffordable(t *testing.T) {
	m, set := demo(t, dataset.Train, 4)
	weights, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	cfg := gradient.Config{Keep: true, Gradients: gradient.All, Weights: weights}
	batch, err := set.Batch(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	one := cfg
	one.Shapes = map[string][]int{}
	for name, a := range batch {
		one.Shapes[name] = a.Shape
	}
	p, err := gradient.Compile(m, one)
	if err != nil {
		t.Fatal(err)
	}
	each := p.Memory()
	many := 2 * largeBlock / nd.Size([]int{28, 28})
	for _, c := range []struct {
		size  int
		limit int64
		want  int
	}{{many, 3*each + 1, 3}, {many, each / 2, 1}, {many, int64(2*many) * each, many}, {8, each, 8}} {
		if got, err := affordable(m, cfg, set, c.size, c.limit); got != c.want || err != nil {
			t.Errorf("%d samples in %d bytes: %d, %v, want %d", c.size, c.limit, got, err, c.want)
		}
	}
}
