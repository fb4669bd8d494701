package minimal

import (
	"context"
	"fmt"
	"strings"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
)

// lockOthers compares the outputs that the search has not looked at. It searches for more
// changes until none of them is intact, unless the caller named the output with the
// answers.
func (l *Lock) lockOthers(ctx context.Context) error {
	list := l.Samples.Others()
	if len(list) == 0 {
		return nil
	}
	l.Outputs = list
	if err := l.compare(ctx); err != nil {
		return err
	}
	if !l.Samples.Named() {
		left := intactOf(list)
		for _, one := range left {
			l.see.Notify(feedback.NoticeTask, "output %q still has its %s (agreement %.1f %%): locking it as well", one.Name, one.By, 100**one.Agreement)
		}
		for _, q := range l.Samples.ForOutputs(left) {
			if err := l.lockMore(ctx, q); err != nil {
				return err
			}
		}
		if len(left) > 0 {
			if err := l.again(ctx); err != nil {
				return err
			}
			if err := l.compare(ctx); err != nil {
				return err
			}
		}
	}
	for _, one := range list {
		switch {
		case one.Agreement == nil:
			l.see.Notify(feedback.NoticeOutput, "whether output %q still has answers cannot be told", one.Name)
		case one.Intact && (l.Samples.Named() || l.opt.Partial): // otherwise it is an error
			l.see.Notify(feedback.NoticeOutput, "output %q is still right: its %s agree with those of the original (%.1f %%)", one.Name, one.By, 100**one.Agreement)
		}
	}
	return nil
}

// compare measures how far the outputs that the search has not looked at agree with those
// of the original.
func (l *Lock) compare(ctx context.Context) error {
	return l.Samples.Compare(ctx, l.Found.Changes, l.Outputs, l.w)
}

// lockMore adds changes to those found, until what samples without labels look at is useless or no
// more can be made.
func (l *Lock) lockMore(ctx context.Context, q *samples.Prepared) error {
	if err := q.Answered(ctx, l.m, l.w, nil); err != nil {
		return err
	}
	return l.goOn(ctx, q, l.opt.Allow, l.opt.MaxParams)
}

// again measures the output with the answers after changes for other outputs, and goes on
// with it if they have given back some of what it had lost.
func (l *Lock) again(ctx context.Context) error {
	if err := l.remeasure(ctx); err != nil || l.opt.Target != 0 || l.Found.Locked.Quality <= l.Found.Locked.Useless() {
		return err
	}
	if err := l.goOn(ctx, l.Samples, l.opt.Allow, l.opt.MaxParams); err != nil {
		return err
	}
	return l.remeasure(ctx)
}

// OutputsError means that the output with the answers is locked, and others are not. It
// wraps perturb.ErrTarget.
type OutputsError struct {
	Model  string                    // the path of its file
	Locked string                    // the output that is locked; "" for the only one of its kind
	Intact []samples.OutputAgreement // those that still have answers
}

func (e *OutputsError) Error() string {
	var names []string
	for _, o := range e.Intact {
		names = append(names, fmt.Sprintf("%q (%.1f %%)", o.Name, 100**o.Agreement))
	}
	return fmt.Sprintf("%s: output %q is locked, but others still agree with the original: %s", e.Model, e.Locked, strings.Join(names, ", "))
}

// Unwrap returns perturb.ErrTarget.
func (e *OutputsError) Unwrap() error { return perturb.ErrTarget }

// verdict returns an error if a lock leaves the answers of outputs intact that the caller
// has not waived.
func (l *Lock) verdict() error {
	if l.Samples.Named() {
		return nil
	}
	if left := intactOf(l.Outputs); len(left) > 0 {
		return &OutputsError{Model: l.m.Path(), Locked: l.Samples.Output, Intact: left}
	}
	found := l.Found
	if target := max(found.Target, found.Locked.Useless()+Slack); found.Locked.Quality > target {
		return l.misses(l.Samples.Task.Traits().Quality, found.Locked.Quality, target)
	}
	return nil
}

// misses returns the error that something which a lock should have taken is left.
func (l *Lock) misses(measure string, left, most float64) error {
	n := len(l.Found.Changes)
	return &perturb.TargetError{Measure: measure, Reached: left, Target: most, Changed: n, Max: n}
}
