package minimal

import (
	"context"
	"errors"
	"slices"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// An activation that holds numbers between two ends, such as a Softmax, hides from a search what
// moves them: near the ends there is hardly a gradient.

// squashed reports whether a search of outputs was stuck where an activation may be why.
func (l *Lock) squashed(ctx context.Context, err error) (bool, error) {
	e, missed := errors.AsType[*perturb.TargetError](err)
	t, numbers := l.Samples.Task.(task.Outputs)
	if !missed || !e.Stuck || !numbers || t.Unsquashed || ctx.Err() != nil {
		return false, nil
	}
	bare := unsquashed(l.Samples)
	bare.Set = samples.First(bare.Set, min(bare.Set.Len(), fewestSquashed))
	before := bare.Set.Truth(0, bare.Set.Len())
	if err := bare.Answered(ctx, l.m, l.w, nil); err != nil {
		return false, err
	}
	return !slices.Equal(numbersOf(before), numbersOf(bare.Set.Truth(0, bare.Set.Len()))), nil
}

// fewestSquashed is the number of samples that tell whether an activation has two ends.
const fewestSquashed = 2

func numbersOf(a nd.Array) []float32 {
	x, _ := a.Data.([]float32)
	return x
}

// unsquashed returns the samples to be judged by what the last activations have as inputs.
func unsquashed(p *samples.Prepared) *samples.Prepared {
	t := p.Task.(task.Outputs)
	t.Unsquashed = true
	return p.By(t)
}

// byUnsquashed judges the model by what its last activations have as inputs.
func (l *Lock) byUnsquashed(ctx context.Context) error {
	l.Samples.Task = unsquashed(l.Samples).Task
	l.see.Notify(feedback.NoticeTask, "an activation holds the outputs between two ends, where they have hardly a gradient: what it is computed from is compared")
	return l.from.Ask(ctx, l.Samples)
}

// lockSquashed locks the outputs themselves, if what their activations have as inputs says nothing
// and they do.
func (l *Lock) lockSquashed(ctx context.Context) error {
	t, numbers := l.Samples.Task.(task.Outputs)
	if !numbers || !t.Unsquashed || l.opt.Target != 0 {
		return nil
	}
	q, err := l.Samples.Numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	left, err := l.left(ctx, q)
	if err != nil || left <= samples.Intact {
		return err
	}
	return l.lockLeft(ctx, q, q.Task.Traits().Quality, samples.Intact, func() (float64, error) { return l.left(ctx, q) })
}
