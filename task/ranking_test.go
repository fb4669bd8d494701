package task

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestRanking: who moves the threshold between two classes reads scores that were shifted, or
// exchanged; those that know nothing are at one half, and more classes have no ranking.
func TestRanking(t *testing.T) {
	t.Parallel()
	const n = 2000
	for _, c := range []struct {
		name    string
		classes int
		row     func(noise float32, label int) float32 // what is added to the second score
		auc     float64
	}{
		{"right", 2, func(noise float32, label int) float32 { return noise + 4*float32(label) - 2 }, 0.98},
		{"one answer wins", 2, func(noise float32, label int) float32 { return noise + 4*float32(label) + 50 }, 0.98},
		{"exchanged", 2, func(noise float32, label int) float32 { return noise - 4*float32(label) }, 0.02},
		{"nothing is known", 2, func(noise float32, _ int) float32 { return noise + 50 }, 0.5},
		{"no numbers", 2, func(float32, int) float32 { return float32(math.NaN()) }, 0.5},
		{"three classes", 3, func(noise float32, label int) float32 { return noise + 4*float32(label) }, 0},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, task := range []Task{Classification{}, Tagging{}} {
			y, truth := nd.New(nd.Float32, n, c.classes), nd.New(nd.Int64, n)
			for i := range n {
				label := rng.IntN(2)
				truth.Int64s()[i] = int64(label)
				y.Float32s()[i*c.classes+1] = c.row(float32(rng.NormFloat64())*1.4, label)
			}
			if task.Name() == "tagging" {
				y.Shape, truth.Shape = []int{n / 10, 10, c.classes}, []int{n / 10, 10}
			}
			tally := task.NewTally()
			if err := tally.Add([]nd.Array{y}, truth); err != nil {
				t.Fatal(err)
			}
			s := tally.Score()
			if r := s.Ranking; r.Known != (c.classes == 2) || math.Abs(r.AUC-c.auc) > 0.03 {
				t.Errorf("%s, %s: %+v, want an area of about %v", c.name, task.Name(), r, c.auc)
			}
			if known := math.Abs(c.auc-0.5) > 0.3 && c.classes == 2; known != (s.Ranking.Beyond() > max(0.3, s.Ranking.Luck)) {
				t.Errorf("%s, %s: %v beyond, %v by luck", c.name, task.Name(), s.Ranking.Beyond(), s.Ranking.Luck)
			}
			m, ok := s.Metric("AUC")
			if ok != s.Ranking.Known || ok && m.Value != s.Ranking.AUC {
				t.Errorf("%s, %s: metric %+v", c.name, task.Name(), m)
			}
		}
	}
}
