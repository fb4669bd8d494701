package advparams

import (
	"context"
	"fmt"

	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// Numbers that say nothing one by one may still say which of them is the largest: a term that is
// added to all of them hides each and leaves their order. Where a model is judged by its numbers,
// whoever reads them as scores must not find the answers that they were.

// lockAnswers locks the answers that outputs have to who takes the largest number, if the task is
// outputs and they are intact when the numbers are useless.
func (l *locking) lockAnswers(ctx context.Context) error {
	if !allNumbers(l.samples.task) || !l.samples.askOriginal || l.Target != 0 {
		return nil
	}
	list := answersOf(l.samples)
	if len(list) == 0 {
		return nil
	}
	if err := compare(ctx, l.m, l.samples, l.found.Changes, list, l.w); err != nil {
		return err
	}
	left := intactOf(list)
	if len(left) == 0 {
		return nil
	}
	for _, one := range left {
		l.see.notify(NoticeTask, "the numbers of %s say nothing one by one, but the largest of them is still where it was (agreement %.1f %%): locking that as well", nameOf(one.Name), 100**one.Agreement)
		if err := l.lockMore(ctx, &prepared{head: &head{model: l.m, output: one.Name, task: task.Classification{}, look: one.look}, set: l.samples.set}); err != nil {
			return err
		}
	}
	if err := l.again(ctx); err != nil {
		return err
	}
	if err := compare(ctx, l.m, l.samples, l.found.Changes, left, l.w); err != nil {
		return err
	}
	for _, one := range intactOf(left) {
		return &perturb.TargetError{Measure: "answers of " + nameOf(one.Name), Reached: *one.Agreement, Target: intact, Changed: len(l.found.Changes), Max: len(l.found.Changes)}
	}
	return nil
}

// lockScores locks the scores of a model with two classes if they still tell these apart behind an
// answer that wins everywhere: another threshold would read them.
func (l *locking) lockScores(ctx context.Context) error {
	if l.Target != 0 || !tellsApart(l.found.Locked) {
		return nil
	}
	l.see.notify(NoticeTask, "with another threshold, the scores still tell the two classes apart (AUC %.2f): locking them as well", l.found.Locked.Ranking.AUC)
	q, err := l.samples.numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	for _, differences := range []bool{false, true} { // each may say nothing, and one less the other what it said
		kind := q.task.(task.Outputs)
		kind.Differences = differences
		q.task = kind
		if err := q.answered(ctx, l.m, l.w, nil); err != nil {
			return err
		}
		if err := l.goOn(ctx, q, l.allow, l.MaxParams); err != nil {
			return err
		}
		if err := l.again(ctx); err != nil || !tellsApart(l.found.Locked) {
			return err
		}
	}
	return &perturb.TargetError{Measure: "the order of the two classes' scores, |2·AUC - 1|,", Reached: l.found.Locked.Ranking.Beyond(), Target: intact, Changed: len(l.found.Changes), Max: len(l.found.Changes)}
}

func tellsApart(s task.Score) bool { return s.Ranking.Beyond() > max(intact, s.Ranking.Luck) }

// answersOf returns the outputs with one number for each of several classes of a sample, as far as
// their shapes tell.
func answersOf(p *prepared) (list []OutputAgreement) {
	for _, name := range p.look.Floats {
		if look := p.lookAt(name); len(look.Shape) == 2 && look.Classes() > 1 {
			list = append(list, OutputAgreement{Name: name, By: "answers", look: look, kind: task.Classification{}})
		}
	}
	return list
}

func intactOf(list []OutputAgreement) (left []OutputAgreement) {
	for _, one := range list {
		if one.Intact {
			left = append(left, one)
		}
	}
	return left
}

func nameOf(output string) string { return fmt.Sprintf("output %q", output) }
