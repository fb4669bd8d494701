package minimal

import (
	"context"
	"fmt"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// Numbers that say nothing one by one may still say which of them is the largest: a term that is
// added to all of them hides each and leaves their order. Where a model is judged by its numbers,
// whoever reads them as scores must not find the answers that they were.

// lockAnswers locks the answers that outputs have to who takes the largest number, if the task is
// outputs and they are intact when the numbers are useless.
func (l *Lock) lockAnswers(ctx context.Context) error {
	if !allNumbers(l.Samples.Task) || !l.Samples.AskOriginal || l.opt.Target != 0 {
		return nil
	}
	list := l.Samples.Answers()
	if len(list) == 0 {
		return nil
	}
	if err := l.Samples.Compare(ctx, l.Found.Changes, list, l.w); err != nil {
		return err
	}
	left := intactOf(list)
	if len(left) == 0 {
		return nil
	}
	for _, one := range left {
		l.see.Notify(feedback.NoticeTask, "the numbers of %s say nothing one by one, but the largest of them is still where it was (agreement %.1f %%): locking that as well", nameOf(one.Name), 100**one.Agreement)
		if err := l.lockMore(ctx, l.Samples.ForOutputs([]samples.OutputAgreement{one})[0]); err != nil {
			return err
		}
	}
	if err := l.again(ctx); err != nil {
		return err
	}
	if err := l.Samples.Compare(ctx, l.Found.Changes, left, l.w); err != nil {
		return err
	}
	for _, one := range intactOf(left) {
		return l.misses("answers of "+nameOf(one.Name), *one.Agreement, samples.Intact)
	}
	return nil
}

// lockScores locks the scores of a model with two classes if they still tell these apart behind an
// answer that wins everywhere: another threshold would read them.
func (l *Lock) lockScores(ctx context.Context) error {
	if l.opt.Target != 0 || !tellsApart(l.Found.Locked) {
		return nil
	}
	l.see.Notify(feedback.NoticeTask, "with another threshold, the scores still tell the two classes apart (AUC %.2f): locking them as well", l.Found.Locked.Ranking.AUC)
	q, err := l.Samples.Numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	for _, differences := range []bool{false, true} { // each may say nothing, and one less the other what it said
		kind := q.Task.(task.Outputs)
		kind.Differences = differences
		q.Task = kind
		if err := q.Answered(ctx, l.m, l.w, nil); err != nil {
			return err
		}
		if err := l.goOn(ctx, q, l.opt.Allow, l.opt.MaxParams); err != nil {
			return err
		}
		if err := l.again(ctx); err != nil || !tellsApart(l.Found.Locked) {
			return err
		}
	}
	return l.misses("the order of the two classes' scores, |2·AUC - 1|,", l.Found.Locked.Ranking.Beyond(), samples.Intact)
}

func tellsApart(s task.Score) bool { return s.Ranking.Beyond() > max(samples.Intact, s.Ranking.Luck) }

func intactOf(list []samples.OutputAgreement) (left []samples.OutputAgreement) {
	for _, one := range list {
		if one.Intact {
			left = append(left, one)
		}
	}
	return left
}

func nameOf(output string) string { return fmt.Sprintf("output %q", output) }
