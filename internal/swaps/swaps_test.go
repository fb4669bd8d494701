package swaps

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestBest compares with trying all pairs, for an objective that is linear: there
// the first order is all there is.
func TestBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	w, g := make([]float32, 12), make([]float32, 12)
	for i := range w {
		w[i], g[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	g[3], w[5] = float32(math.NaN()), float32(math.Inf(1))
	fixed := func(i int) bool { return i == 7 }
	best := 0.0
	for i := range w {
		for j := range w {
			if i != j && i != 3 && j != 3 && i != 5 && j != 5 && !fixed(i) && !fixed(j) {
				best = max(best, float64((g[i]-g[j])*(w[i]-w[j])))
			}
		}
	}
	one := Tensor{Name: "w", Weights: w, Grad: g, Quota: 3, Fixed: fixed}
	got := Best([]Tensor{one}, 2)
	if len(got) != 2 || math.Abs(got[0].Gain-best) > 1e-5 || got[1].Gain > got[0].Gain {
		t.Fatalf("%+v, the best gain is %v", got, best)
	}
	seen := map[int]bool{}
	for _, p := range got {
		if seen[p.I] || seen[p.J] || p.I == p.J || fixed(p.I) || fixed(p.J) {
			t.Errorf("%+v in %+v", p, got)
		}
		seen[p.I], seen[p.J] = true, true
	}
	two := one
	two.Name, two.Quota = "v", 1
	count := map[string]int{}
	for _, p := range Best([]Tensor{one, two, {Name: "none", Quota: 5}}, 10) {
		count[p.Tensor]++
	}
	if count["v"] != 1 || count["w"] == 0 || count["w"] > 3 || count["none"] != 0 {
		t.Errorf("pairs by tensor: %v", count)
	}
}
