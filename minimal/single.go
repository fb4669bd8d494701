package minimal

import (
	"context"
	"fmt"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/task"
)

// A mean over the numbers of an output hides that one of them is what it was. Of a few numbers each
// may be the one that counts, such as a price beside the quantities that it is made of.

const (
	fewNumbers = 64  // of an output, of which each may count; one of more is like a pixel
	singleLeft = 0.5 // agreement above which a number is what it was
)

// lockSingle locks numbers that are still what they were, if the task is outputs, these have few
// numbers, and the mean over them is useless.
func (l *Lock) lockSingle(ctx context.Context) error {
	t, numbers := l.Samples.Task.(task.Outputs)
	if !numbers || !l.Samples.AskOriginal || l.opt.Target != 0 {
		return nil
	}
	only, most, err := l.single(ctx)
	if err != nil || only == nil {
		return err
	}
	l.see.Notify(feedback.NoticeTask, "the numbers of the outputs say nothing in the mean, but one still says what it said (agreement %.1f %%): locking such as well", 100*most)
	t.Only = only
	return l.lockLeft(ctx, l.Samples.By(t), "agreement of a single number", singleLeft, func() (float64, error) {
		_, most, err := l.single(ctx)
		return most, err
	})
}

// single returns which numbers of outputs with few of them are still what they were, nil if none is,
// and the agreement of the one that agrees most.
func (l *Lock) single(ctx context.Context) (only []bool, most float64, err error) {
	session, err := l.Samples.Session(l.m, l.Found.Changes, l.Samples.Set, l.w)
	if err != nil {
		return nil, 0, err
	}
	tally := l.Samples.Task.NewTally()
	err = (&task.Evaluator{Task: l.Samples.Task, Session: session}).Each(ctx, l.Samples.Set, 0, func(e task.Evaluation) (bool, error) {
		return true, tally.Add(e.Outputs, e.Truth)
	})
	if err != nil {
		return nil, 0, err
	}
	each, is := tally.(task.Numberwise)
	if !is {
		return nil, 0, fmt.Errorf("numbers of the task %s are not told apart", l.Samples.Task.Name())
	}
	list, first := each.Agreements()
	of, left := 0, false
	for k, numbers := range list {
		of = max(of, first[k]+len(numbers))
	}
	only = make([]bool, of)
	for k, numbers := range list {
		if len(numbers) > fewNumbers {
			continue
		}
		for i, agreement := range numbers {
			if agreement > singleLeft { // which NaN is not
				only[first[k]+i], left, most = true, true, max(most, agreement)
			}
		}
	}
	if !left {
		return nil, 0, nil
	}
	return only, most, nil
}
