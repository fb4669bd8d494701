package task_test

import (
	"fmt"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// A classifier that gives every sample the same answer is useless: it is right as often
// as chance has it. An Evaluator feeds a tally with the outputs of a model.
func ExampleTally() {
	logits := nd.Of([]float32{
		0, 0, 1,
		0, 0, 1,
		0, 0, 1,
	}, 3, 3)
	tally := task.Classification{}.NewTally()
	if err := tally.Add([]nd.Array{logits}, nd.Of([]int64{0, 1, 2}, 3)); err != nil {
		fmt.Println(err)
		return
	}
	score := tally.Score()
	fmt.Println(score.Metrics[0], score.Quality <= score.Useless())
	// Output: accuracy 33.33 % true
}
