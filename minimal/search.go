package minimal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// searchAs searches, and searches again with the samples judged by other means where the first did
// not tell enough.
func (l *Lock) searchAs(ctx, searching context.Context) error {
	err := l.search(searching)
	if why := l.tooAlike(err); why != "" {
		if err = l.from.ByOutputs(ctx, l.Samples, why); err == nil {
			err = l.search(searching)
		}
	}
	if hidden, wrong := l.squashed(searching, err); hidden || wrong != nil {
		if err = cmp.Or(wrong, l.byUnsquashed(ctx)); err == nil {
			err = l.search(searching)
		}
	}
	return err
}

// tooAlike says why a search has refused answers for a task that was guessed, if they are the
// model's own; "" otherwise. They cannot be wrong, but say too little: all texts that it reads
// may be empty.
func (l *Lock) tooAlike(err error) string {
	e, refused := errors.AsType[*perturb.UselessError](err)
	p := l.Samples
	if !refused || l.from.Task != nil || !p.AskOriginal || l.from.Data.MadeUp || p.Task.Traits().AllOutputs {
		return ""
	}
	return fmt.Sprintf("as %s, answers to different samples would agree on %.0f %%", p.Task.Name(), 100*e.Score.Chance)
}

// search looks for changes that make the model useless. Where samples are made up, those
// that act whatever the input come first.
func (l *Lock) search(ctx context.Context) error {
	l.see.Report("searching", 0, wholeSearch, "looking for the first change")
	opt := l.searchOptions(l.Samples)
	var err error
	if l.from.Data.MadeUp {
		first := opt
		first.Allow = general(l.m, l.opt.Allow)
		l.Found, err = perturb.Search(ctx, l.m, l.Samples.Set, first)
	}
	if !l.from.Data.MadeUp || errors.Is(err, perturb.ErrTarget) || errors.As(err, new(*perturb.NoCandidatesError)) {
		l.Found, err = perturb.Search(ctx, l.m, l.Samples.Set, opt)
	}
	if l.Found == nil || len(l.Found.Changes) == 0 {
		return err
	}
	return l.Miss(err)
}

func (l *Lock) searchOptions(q *samples.Prepared) perturb.Options {
	start := time.Now()
	var far approach
	return perturb.Options{
		Task:        q.Task,
		Output:      q.Output,
		Outlook:     &q.Look,
		Target:      l.opt.Target,
		MaxParams:   l.opt.MaxParams,
		EveryAnswer: l.opt.EveryAnswer && (l.from.Task != nil || !allNumbers(q.Task)),
		Beam:        l.opt.Beam,
		Allow:       l.opt.Allow,
		Unbounded:   l.opt.Unbounded,
		Workers:     l.w,
		Progress: func(now perturb.Progress) {
			far.step(now)
			l.see.Report("searching", far.done(), wholeSearch, far.text(now, q.Task.Traits().Quality)+remaining(time.Since(start), now.Work))
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

// goOn adds changes that lock the model on samples that it is still right on, as far as a
// budget goes; 0 means as far as any search may go.
func (l *Lock) goOn(ctx context.Context, q *samples.Prepared, allow func(string) bool, budget int) error {
	found := l.Found
	opt := l.searchOptions(q)
	opt.Allow, opt.Target, opt.Start, opt.MaxParams = allow, 0, found.Changes, 0
	if budget > 0 {
		if opt.MaxParams = budget - len(found.Changes); opt.MaxParams <= 0 {
			return nil
		}
	}
	_, classes := task.EveryAnswer(q.Task)
	opt.EveryAnswer = l.opt.EveryAnswer && classes // numbers have no frequent answers
	more, err := perturb.Search(ctx, l.m, q.Set, opt)
	if more != nil {
		found.GradientPasses, found.Evaluations = found.GradientPasses+more.GradientPasses, found.Evaluations+more.Evaluations
		found.Work += more.Work
	}
	if more != nil && errors.Is(err, perturb.ErrTarget) && more.Locked.Quality < more.Before.Quality/2 {
		err = nil // it has not come to the target, but halfway
	}
	if errors.Is(err, perturb.ErrTarget) || errors.As(err, new(*perturb.UselessError)) {
		return nil
	}
	if err == nil {
		found.Changes = append(found.Changes, more.Changes...)
	}
	return err
}

// remeasure measures the output with the answers again, after more changes.
func (l *Lock) remeasure(ctx context.Context) (err error) {
	l.Found.Locked, err = l.score(ctx, l.Samples)
	return err
}

// score measures the changes found by samples, which may have other labels than those of the search.
func (l *Lock) score(ctx context.Context, q *samples.Prepared) (task.Score, error) {
	return q.Measure(ctx, l.m, l.Found.Changes, l.w)
}

// left returns what samples with other labels than those of the search find left.
func (l *Lock) left(ctx context.Context, q *samples.Prepared) (float64, error) {
	score, err := l.score(ctx, q)
	return score.Quality, err
}

// lockLeft goes on with samples that show what is left, and then for the output with the answers. It
// is an error if more than most is left after that.
func (l *Lock) lockLeft(ctx context.Context, q *samples.Prepared, measure string, most float64, left func() (float64, error)) error {
	if err := l.goOn(ctx, q, l.opt.Allow, l.opt.MaxParams); err != nil {
		return err
	}
	if err := l.again(ctx); err != nil {
		return err
	}
	now, err := left()
	if err != nil || now <= most {
		return err
	}
	return l.misses(measure, now, most)
}

// level makes the numbers that a classifier computes say nothing, as far as the budget goes.
// Answers that are all of one class on samples that are made up may differ again on real
// ones. And what was guessed to be a classifier may be something else, of which the numbers
// count.
func (l *Lock) level(ctx context.Context, allow func(string) bool) error {
	if !l.Samples.Task.Traits().Classes {
		return nil
	}
	q, err := l.Samples.Numbers(ctx, l.m, l.w)
	if err != nil {
		return err
	}
	return l.goOn(ctx, q, allow, min(cmp.Or(l.opt.MaxParams, math.MaxInt), len(l.Found.Changes)+maxLevel))
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
