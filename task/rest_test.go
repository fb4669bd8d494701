package task

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestRest: who leaves out the answers that win everywhere reads the others, where these are as
// they were; a model that knows nothing has nothing to read.
func TestRest(t *testing.T) {
	t.Parallel()
	const n, classes = 2000, 10
	rng := rand.New(rand.NewPCG(1, 2))
	logits := func(change func(i, label int, row []float32)) (nd.Array, nd.Array) {
		y, truth := nd.New(nd.Float32, n, classes), nd.New(nd.Int64, n)
		for i := range n {
			label := i % classes
			truth.Int64s()[i] = int64(label)
			row := y.Float32s()[i*classes : (i+1)*classes]
			for k := range row {
				row[k] = rng.Float32()
			}
			row[label] += 2
			change(i, label, row)
		}
		return y, truth
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		name     string
		change   func(i, label int, row []float32)
		without  []int
		accuracy float64
	}{
		{"the original", func(int, int, []float32) {}, []int{0}, 0.9},
		{"one answer wins", func(_, _ int, row []float32) { row[4] += 9 }, []int{4}, 0.9},
		{"two answers win", func(i, _ int, row []float32) { row[4] += 9; row[7] += 9 }, nil, 0.8},
		{"it knows nothing", func(_, label int, row []float32) { row[label] -= 2 }, nil, 0.1},
		{"no numbers", func(_, _ int, row []float32) {
			for k := range row {
				row[k] = nan
			}
		}, nil, 0},
	} {
		for _, task := range []Task{Classification{}, Tagging{}} {
			y, truth := logits(c.change)
			if task.Name() == "tagging" {
				y.Shape, truth.Shape = []int{n / 10, 10, classes}, []int{n / 10, 10}
			}
			tally := task.NewTally()
			if err := tally.Add([]nd.Array{y}, truth); err != nil {
				t.Fatal(err)
			}
			rest := tally.Score().Rest
			if c.without != nil && !slices.Equal(rest.Without, c.without) || math.Abs(rest.Accuracy-c.accuracy) > 0.03 {
				t.Errorf("%s, %s: %+v, want %v and about %v", c.name, task.Name(), rest, c.without, c.accuracy)
			}
			if math.Abs(rest.Beyond-(rest.Accuracy-0.1)) > 1e-9 {
				t.Errorf("%s: %v beyond", c.name, rest.Beyond)
			}
		}
	}
	if r := restOf(nil, NewCounts(2)); r.Without != nil {
		t.Errorf("of two classes none is left out: %+v", r)
	}
}
