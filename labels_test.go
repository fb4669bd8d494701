package advparams

import (
	"math"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// TestMostly: a hundred samples of which eight have the rarer answer are enough to compare
// samples with each other, be it one question or several; to tell classes apart they are not.
func TestMostly(t *testing.T) {
	const n = 100
	set, err := dataset.FromArrays(map[string]nd.Array{"x": nd.New(nd.Float32, n, 1)}, "x")
	if err != nil {
		t.Fatal(err)
	}
	two, ten := nd.New(nd.Int64, n), nd.New(nd.Int64, n)
	for i := range n {
		two.Int64s()[i], ten.Int64s()[i] = int64(i%2), int64(i%10)
	}
	for _, c := range []struct {
		task  task.Task
		truth nd.Array
		want  float64
	}{
		{task.Binary{}, two, 0.92},
		{task.MultiLabel{}, two, 0.92},
		{task.Classification{}, two, 2.0 / 3},
		{task.Classification{}, ten, 0.5},
	} {
		p := &prepared{head: &head{task: c.task}, set: set.WithTruth(c.truth)}
		if have := p.mostly(); math.Abs(have-c.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", c.task.Name(), have, c.want)
		}
	}
}
