package advparams

import (
	"context"
	"errors"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// An activation that holds numbers between two ends, such as a Softmax, hides from a search what
// moves them: near the ends there is hardly a gradient.

// squashed reports whether a search of outputs was stuck where an activation may be why.
func (l *locking) squashed(ctx context.Context, err error) (bool, error) {
	e, missed := errors.AsType[*TargetError](err)
	t, numbers := l.samples.task.(task.Outputs)
	if !missed || !e.Stuck || !numbers || t.Unsquashed || ctx.Err() != nil {
		return false, nil
	}
	bare := l.samples.unsquashed()
	bare.set = first(bare.set, min(bare.set.Len(), fewestSquashed))
	before := bare.set.Truth(0, bare.set.Len())
	if err := bare.answered(ctx, l.m, l.w, nil); err != nil {
		return false, err
	}
	return !slices.Equal(numbersOf(before), numbersOf(bare.set.Truth(0, bare.set.Len()))), nil
}

// fewestSquashed is the number of samples that tell whether an activation has two ends.
const fewestSquashed = 2

func numbersOf(a nd.Array) []float32 {
	x, _ := a.Data.([]float32)
	return x
}

// unsquashed returns the samples to be judged by what the last activations have as inputs.
func (p *prepared) unsquashed() *prepared {
	t := p.task.(task.Outputs)
	t.Unsquashed = true
	return p.by(t)
}

// byUnsquashed judges a model by what its last activations have as inputs.
func (o *ProtectOptions) byUnsquashed(ctx context.Context, m *onnxio.Model, p *prepared, w *gradient.Workers) error {
	bare := p.unsquashed()
	p.task = bare.task
	o.see().notify(NoticeTask, "an activation holds the outputs between two ends, where they have hardly a gradient: what it is computed from is compared")
	return o.ask(ctx, m, p, w)
}

// lockSquashed locks the outputs themselves, if what their activations have as inputs says nothing
// and they do.
func (l *locking) lockSquashed(ctx context.Context) error {
	t, numbers := l.samples.task.(task.Outputs)
	if !numbers || !t.Unsquashed || l.Target != 0 {
		return nil
	}
	q, err := l.samples.numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	left, err := l.left(ctx, q)
	if err != nil || left <= intact {
		return err
	}
	if err := l.goOn(ctx, q, l.allow, l.MaxParams); err != nil {
		return err
	}
	if err := l.again(ctx); err != nil {
		return err
	}
	if left, err = l.left(ctx, q); err != nil || left <= intact {
		return err
	}
	return &perturb.TargetError{Measure: q.task.Traits().Quality, Reached: left, Target: intact, Changed: len(l.found.Changes), Max: len(l.found.Changes)}
}
