package minimal

import (
	"context"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// An answer is the largest of several numbers. Where that is changed, the numbers may still say
// what they said, to somebody who reads all of them.

// levelBoth makes the numbers say nothing, too, where they may count and not the answers. A linear
// layer computes scores of classes as a rule: its numbers may agree as little as other outputs that
// are not looked at.
func (l *Lock) levelBoth(ctx context.Context) error {
	if l.from.Data.MadeUp || !l.Samples.AskOriginal || l.from.Task != nil || !l.Samples.MaybeNumbers() {
		return nil
	}
	q, err := l.Samples.Numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	apart, err := q.Differences(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	more := false
	for _, way := range []*samples.Prepared{q, apart} {
		left, err := l.left(ctx, way)
		if err != nil {
			return err
		}
		if left <= samples.Intact && (way != q || l.Samples.Look.Kind == task.KindLinear) {
			continue
		}
		more = true
		if err := l.goOn(ctx, way, l.opt.Allow, l.opt.MaxParams); err != nil {
			return err
		}
	}
	if !more {
		return nil
	}
	return l.again(ctx)
}

// NumbersLeft measures how far the numbers that answers are chosen by agree with those of the
// original, or what they exceed one another by, and tells the user if they do. It is nil where there
// are none, or where labels say what the answers are worth.
func (l *Lock) NumbersLeft(ctx context.Context) (*float64, error) {
	if _, chosen := task.EveryAnswer(l.Samples.Task); !chosen || !l.Samples.AskOriginal {
		return nil, nil
	}
	few := *l.Samples
	few.Set = samples.First(few.Set, min(few.Set.Len(), samples.Judged))
	q, err := few.Scores(ctx, l.m, l.w, false)
	if err != nil {
		return nil, err
	}
	left, err := l.left(ctx, q)
	if err != nil {
		return nil, err
	}
	apart, err := q.Differences(ctx, l.m, l.w)
	if err != nil {
		return nil, err
	}
	more, err := l.left(ctx, apart)
	if err != nil {
		return nil, err
	}
	if left = max(left, more); left > samples.Intact {
		kind := feedback.NoticeRest
		if l.from.Task == nil && l.Samples.MaybeNumbers() {
			kind = feedback.NoticeOutput
		}
		l.see.Notify(kind, "the numbers that the answers are chosen by still agree with those of the original (%.0f %%): with the task outputs they would not, for more changes", 100*left)
	}
	return &left, nil
}

// ForRuntime returns the samples of the search as another program can judge by them, and what the
// lock is worth on them here. Another program does not compute what an activation has as its input.
func (l *Lock) ForRuntime(ctx context.Context) (*samples.Prepared, task.Score, error) {
	if !l.Samples.Task.Traits().Unsquashed {
		return l.Samples, l.Found.Locked, nil
	}
	q, err := l.Samples.Numbers(ctx, l.m, l.w)
	if err != nil {
		return nil, task.Score{}, err
	}
	s, err := l.score(ctx, q)
	return q, s, err
}
