package advparams

import (
	"context"
	"fmt"
	"strings"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// lockOthers compares the outputs that the search has not looked at. It searches for more
// changes until none of them is intact, unless the caller named the output with the
// answers.
func (l *locking) lockOthers(ctx context.Context) error {
	list := others(l.samples)
	if len(list) == 0 {
		return nil
	}
	l.outputs = list
	if err := l.compare(ctx); err != nil {
		return err
	}
	if !l.samples.named() {
		var left []OutputAgreement
		for _, one := range list {
			if one.Intact {
				l.see.notify(NoticeTask, "output %q still has its %s (agreement %.1f %%): locking it as well", one.Name, one.By, 100**one.Agreement)
				left = append(left, one)
			}
		}
		for _, h := range heads(l.m, left) {
			if err := l.lockMore(ctx, &prepared{head: h, set: l.samples.set}); err != nil {
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
			l.see.notify(NoticeOutput, "whether output %q still has answers cannot be told", one.Name)
		case one.Intact && (l.samples.named() || l.AllowPartial): // otherwise it is an error
			l.see.notify(NoticeOutput, "output %q is still right: its %s agree with those of the original (%.1f %%)", one.Name, one.By, 100**one.Agreement)
		}
	}
	return nil
}

// compare measures how far the outputs that the search has not looked at agree with those
// of the original.
func (l *locking) compare(ctx context.Context) error {
	return compare(ctx, l.m, l.samples, l.found.Changes, l.outputs, l.w)
}

// maxHeads is the largest number of outputs that are locked one after the other.
const maxHeads = 3

// heads returns what to lock for outputs that are intact: each by itself, or all at once if
// there are many.
func heads(m *onnxio.Model, left []OutputAgreement) []*head {
	var list []*head
	for _, one := range left {
		kind, _ := judged(one.look)
		list = append(list, &head{model: m, output: one.Name, task: kind, look: one.look})
	}
	if len(list) <= maxHeads {
		return list
	}
	look := left[0].look
	look.Output, look.Named, look.Floats = "", false, nil
	for _, one := range left {
		look.Floats = append(look.Floats, one.Name)
	}
	return []*head{{model: m, task: task.For(task.Outputs{}, look), look: look}}
}

// lockMore adds changes to those found, until what a head looks at is useless or no more
// can be made.
func (l *locking) lockMore(ctx context.Context, q *prepared) error {
	if err := q.answered(ctx, l.m, l.w, nil); err != nil {
		return err
	}
	return l.goOn(ctx, q, l.allow, l.MaxParams)
}

// again measures the output with the answers after changes for other outputs, and goes on
// with it if they have given back some of what it had lost.
func (l *locking) again(ctx context.Context) error {
	if err := l.remeasure(ctx); err != nil || l.Target != 0 || l.found.Locked.Quality <= l.found.Locked.Useless() {
		return err
	}
	if err := l.goOn(ctx, l.samples, l.allow, l.MaxParams); err != nil {
		return err
	}
	return l.remeasure(ctx)
}

// OutputsError means that the output with the answers is locked, and others are not. It
// wraps ErrTarget.
type OutputsError struct {
	Model  string            // the path of its file
	Locked string            // the output that is locked; "" for the only one of its kind
	Intact []OutputAgreement // those that still have answers
}

func (e *OutputsError) Error() string {
	var names []string
	for _, o := range e.Intact {
		names = append(names, fmt.Sprintf("%q (%.1f %%)", o.Name, 100**o.Agreement))
	}
	return fmt.Sprintf("%s: output %q is locked, but others still agree with the original: %s", e.Model, e.Locked, strings.Join(names, ", "))
}

// Unwrap returns ErrTarget.
func (e *OutputsError) Unwrap() error { return ErrTarget }

// verdict returns an error if a lock leaves the answers of outputs intact that the caller
// has not waived.
func (l *locking) verdict() error {
	if l.samples.named() {
		return nil
	}
	e := &OutputsError{Model: l.m.Path(), Locked: l.samples.output}
	for _, one := range l.outputs {
		if one.Intact {
			e.Intact = append(e.Intact, one)
		}
	}
	if len(e.Intact) > 0 {
		return e
	}
	found := l.found
	if target := max(found.Target, found.Locked.Useless()+slack); found.Locked.Quality > target {
		return &perturb.TargetError{Measure: l.samples.task.Traits().Quality, Reached: found.Locked.Quality, Target: target, Changed: len(found.Changes), Max: len(found.Changes)}
	}
	return nil
}
