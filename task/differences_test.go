package task

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestDifferences: what is added to all numbers of a row hides them, and not by how much one is
// above another. Their gradient does not add to whole rows.
func TestDifferences(t *testing.T) {
	t.Parallel()
	const n, width = 100, 3
	rng := rand.New(rand.NewPCG(1, 2))
	original, locked := nd.New(nd.Float32, n, width), nd.New(nd.Float32, n, width)
	for i := range n {
		common := float32(rng.NormFloat64()) * 50
		for k := range width {
			v := float32(rng.NormFloat64())
			original.Float32s()[i*width+k], locked.Float32s()[i*width+k] = v, v+common
		}
	}
	for differences, want := range map[bool]float64{false: 0, true: 1} {
		kind := Outputs{Differences: differences}
		truth, err := kind.Answers([]nd.Array{original})
		if err != nil {
			t.Fatal(err)
		}
		kind = kind.Fitted(truth)
		tally := kind.NewTally()
		if err := tally.Add([]nd.Array{locked}, truth); err != nil {
			t.Fatal(err)
		}
		if q := tally.Score().Quality; math.Abs(q-want) > 0.1 {
			t.Errorf("differences %v: quality %.3f, want about %v", differences, q, want)
		}
		loss, seeds := kind.Objective(truth, 1), nd.New(nd.Float32, n, width)
		noisy := nd.New(nd.Float32, n, width)
		for i := range noisy.Float32s() {
			noisy.Float32s()[i] = original.Float32s()[i] + float32(rng.NormFloat64())
		}
		if _, err := loss([]nd.Array{noisy}, []nd.Array{seeds}); err != nil {
			t.Fatal(err)
		}
		largest, added := 0.0, 0.0 // of the seeds, and of what they say about adding to a whole row
		for i := range n {
			sum := 0.0
			for k := range width {
				v := float64(seeds.Float32s()[i*width+k])
				sum, largest = sum+v, max(largest, math.Abs(v))
			}
			added = max(added, math.Abs(sum))
		}
		if largest == 0 || differences != (added < 1e-4*largest) {
			t.Errorf("differences %v: seeds up to %v, of whole rows up to %v", differences, largest, added)
		}
	}
}
