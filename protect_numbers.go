package advparams

import (
	"context"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// An answer is the largest of several numbers. Where that is changed, the numbers may still say
// what they said, to somebody who reads all of them.

// numbers returns the samples with the numbers of the outputs to compare with in place of answers.
func (p *prepared) numbers(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*prepared, error) {
	q := p.by(task.For(task.Outputs{}, p.look))
	return q, q.answered(ctx, m, w, nil)
}

// by returns the samples to be judged by another task, with what the original computes as the truth.
func (p *prepared) by(t task.Task) *prepared {
	h := *p.head
	h.task = t
	return &prepared{head: &h, set: p.set, askOriginal: true}
}

// levelBoth makes the numbers say nothing, too, where they may count and not the answers. A linear
// layer computes scores of classes as a rule: its numbers may agree as little as other outputs that
// are not looked at.
func (l *locking) levelBoth(ctx context.Context) error {
	q, err := l.samples.numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	apart, err := q.differences(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	more := false
	for _, way := range []*prepared{q, apart} {
		left, err := l.left(ctx, way)
		if err != nil {
			return err
		}
		if left <= intact && (way != q || l.samples.look.Kind == task.KindLinear) {
			continue
		}
		more = true
		if err := l.goOn(ctx, way, l.allow, l.MaxParams); err != nil {
			return err
		}
	}
	if !more {
		return nil
	}
	return l.again(ctx)
}

// differences returns the samples with what each number of an output exceeds the others by: a term
// that is added to all scores hides each of them, and who subtracts it has the answers again.
func (p *prepared) differences(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*prepared, error) {
	t := p.task.(task.Outputs)
	t.Differences = true
	q := p.by(t)
	return q, q.answered(ctx, m, w, nil)
}

// left returns what samples with other labels than those of the search find left.
func (l *locking) left(ctx context.Context, q *prepared) (float64, error) {
	score, err := l.score(ctx, q)
	return score.Quality, err
}

// score measures the changes found by samples with other labels than those of the search.
func (l *locking) score(ctx context.Context, q *prepared) (task.Score, error) {
	session, err := q.session(l.m, l.found.Changes, q.set, l.w)
	if err != nil {
		return task.Score{}, err
	}
	return (&task.Evaluator{Task: q.task, Session: session}).Measure(ctx, q.set, nil)
}

// maybeNumbers reports whether the task is a guess that the graph does not bear out: nothing in it
// chooses among the numbers of the output, which may be scores of classes, but actions or
// coordinates as well.
func (p *prepared) maybeNumbers() bool {
	switch p.look.Kind {
	case task.KindUnknown:
		return p.task.Traits().Classes
	case task.KindLinear:
		switch p.task.(type) {
		case task.Classification, task.Tagging:
			return true
		}
	}
	return false
}

// numbersLeft measures how far the numbers that answers are chosen by agree with those of the
// original, or what they exceed one another by, and tells the user if they do. It is nil where there
// are none, or where labels say what the answers are worth.
func (l *locking) numbersLeft(ctx context.Context) (*float64, error) {
	if _, chosen := task.EveryAnswer(l.samples.task); !chosen || !l.samples.askOriginal {
		return nil, nil
	}
	few := *l.samples
	few.set = first(few.set, min(few.set.Len(), judgedSamples))
	h := *few.head
	h.look.Named, few.head = true, &h // this output and no other
	q, err := few.numbers(ctx, l.m, l.w)
	if err != nil {
		return nil, err
	}
	left, err := l.left(ctx, q)
	if err != nil {
		return nil, err
	}
	apart, err := q.differences(ctx, l.m, l.w)
	if err != nil {
		return nil, err
	}
	more, err := l.left(ctx, apart)
	if err != nil {
		return nil, err
	}
	if left = max(left, more); left > intact {
		kind := NoticeRest
		if l.Task == nil && l.samples.maybeNumbers() {
			kind = NoticeOutput
		}
		l.see.notify(kind, "the numbers that the answers are chosen by still agree with those of the original (%.0f %%): with the task outputs they would not, for more changes", 100*left)
	}
	return &left, nil
}
