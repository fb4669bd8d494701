package advparams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// search looks for changes that make the model useless. Where samples are made up, those
// that act whatever the input come first.
func (l *locking) search(ctx context.Context) error {
	l.see.report("searching", 0, wholeSearch, "looking for the first change")
	opt := l.searchOptions(l.samples)
	var err error
	if l.Data.MadeUp {
		first := opt
		first.Allow = general(l.m, l.allow)
		l.found, err = perturb.Search(ctx, l.m, l.samples.set, first)
	}
	if !l.Data.MadeUp || errors.Is(err, ErrTarget) || errors.As(err, new(*perturb.NoCandidatesError)) {
		l.found, err = perturb.Search(ctx, l.m, l.samples.set, opt)
	}
	if l.found == nil || len(l.found.Changes) == 0 {
		return err
	}
	return l.miss(err)
}

func (l *locking) searchOptions(samples *prepared) perturb.Options {
	start := time.Now()
	var far approach
	return perturb.Options{
		Task:        samples.task,
		Output:      samples.output,
		Outlook:     &samples.look,
		Target:      l.Target,
		MaxParams:   l.MaxParams,
		EveryAnswer: l.EveryAnswer && (l.Task != nil || !allNumbers(samples.task)),
		Beam:        l.Beam,
		Allow:       l.allow,
		Unbounded:   l.Unbounded,
		Workers:     l.w,
		Progress: func(now perturb.Progress) {
			far.step(now)
			l.see.report("searching", far.done(), wholeSearch, far.text(now, samples.task.Traits().Quality)+remaining(time.Since(start), now.Work))
		},
	}
}

// allNumbers reports whether a task looks at all numbers, in which answers are.
func allNumbers(t task.Task) bool {
	_, is := t.(task.Outputs)
	return is
}

// remaining says how long a search may still take after a time in which it has done a share
// of the work that it may; "" as long as that says little.
func remaining(since time.Duration, share float64) string {
	if since < 10*time.Second || share < 0.02 || share >= 1 {
		return ""
	}
	left := time.Duration(float64(since) * (1 - share) / share)
	return fmt.Sprintf(", at most %v left", left.Round(time.Second))
}

// limited returns the context of a search that began at a time.
func (o *ProtectOptions) limited(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if o.TimeLimit == 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, start.Add(o.TimeLimit))
}

// stoppedBy says what ended a search before it reached the target.
func stoppedBy(missed error) string {
	e, ok := errors.AsType[*TargetError](missed)
	switch {
	case !ok:
		return ""
	case errors.Is(e.Stopped, context.DeadlineExceeded):
		return "time limit"
	case e.Stopped != nil:
		return "interrupted"
	case e.Stuck:
		return "stuck"
	}
	return "budget"
}

// goOn adds changes that lock the model on samples that it is still right on, as far as a
// budget goes; 0 means as far as any search may go.
func (l *locking) goOn(ctx context.Context, q *prepared, allow func(string) bool, budget int) error {
	found := l.found
	opt := l.searchOptions(q)
	opt.Allow, opt.Target, opt.Start, opt.MaxParams = allow, 0, found.Changes, 0
	if budget > 0 {
		if opt.MaxParams = budget - len(found.Changes); opt.MaxParams <= 0 {
			return nil
		}
	}
	_, classes := task.EveryAnswer(q.task)
	opt.EveryAnswer = l.EveryAnswer && classes // numbers have no frequent answers
	more, err := perturb.Search(ctx, l.m, q.set, opt)
	if more != nil {
		found.GradientPasses, found.Evaluations = found.GradientPasses+more.GradientPasses, found.Evaluations+more.Evaluations
		found.Work += more.Work
	}
	if more != nil && errors.Is(err, ErrTarget) && more.Locked.Quality < more.Before.Quality/2 {
		err = nil // it has not come to the target, but halfway
	}
	if errors.Is(err, ErrTarget) || errors.As(err, new(*perturb.UselessError)) {
		return nil
	}
	if err == nil {
		found.Changes = append(found.Changes, more.Changes...)
	}
	return err
}

// remeasure measures the output with the answers again, after more changes.
func (l *locking) remeasure(ctx context.Context) error {
	session, err := l.samples.session(l.m, l.found.Changes, l.samples.set, l.w)
	if err != nil {
		return err
	}
	l.found.Locked, err = (&task.Evaluator{Task: l.samples.task, Session: session}).Measure(ctx, l.samples.set, nil)
	return err
}

// level makes the numbers that a classifier computes say nothing, as far as the budget goes.
// Answers that are all of one class on samples that are made up may differ again on real
// ones. And what was guessed to be a classifier may be something else, of which the numbers
// count.
func (l *locking) level(ctx context.Context, allow func(string) bool) error {
	if !l.samples.task.Traits().Classes {
		return nil
	}
	q, err := l.samples.numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	return l.goOn(ctx, q, allow, min(cmp.Or(l.MaxParams, math.MaxInt), len(l.found.Changes)+maxLevel))
}

// maxLevel bounds the changes of level.
const maxLevel = 16

// general returns the initializers whose changes act whatever the input: those of the first
// layers, and the biases and normalisations of all but the last layer.
func general(m *onnxio.Model, allow func(string) bool) func(string) bool {
	chosen := map[string]bool{}
	layers := 0
	var last []string
	for _, n := range m.Proto().GetGraph().GetNode() {
		in := n.GetInput()
		switch n.GetOpType() {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			layers++
			last = in[min(1, len(in)):]
			for i, name := range last {
				if i > 0 || layers <= 2 {
					chosen[name] = true
				}
			}
		case "BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization":
			for _, name := range in[1:min(3, len(in))] {
				chosen[name] = true
			}
		}
	}
	if layers > 2 {
		for _, name := range last {
			delete(chosen, name)
		}
	}
	return func(name string) bool { return chosen[name] && allow(name) }
}
