package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Runs are the versions of a model that a report compares, and the samples to do so on.
type Runs struct {
	Task task.Task
	Set  *dataset.Set
	// Original and Locked run the versions.
	Original, Locked *gradient.Session
	// Partly returns a session with the first n of Changes changes, in the order Order (see
	// Steps). nil means that there are none to count.
	Partly  func(n int) (*gradient.Session, error)
	Changes int
	Order   string

	// Preprocess is how images were prepared.
	Preprocess dataset.Preprocess
	// Vocabulary has the text of each token.
	Vocabulary []string

	// Progress, if not nil, returns a function that is told how much of a stage is done.
	Progress func(stage string, total int) func(done int)
}

const (
	// mostSteps is the largest number of points between no change and all of them.
	mostSteps = 24
	// mostClasses is the largest number of classes that a matrix is shown of.
	mostClasses = 40
	// mostMistakes is the number of frequent mistakes to name.
	mostMistakes = 8
	// mostPairs bounds the pairs of label and answer that are counted.
	mostPairs = 1 << 20
)

// Observe adds to e what the versions answer: classes, confusion, steps and examples.
func (r *Runs) Observe(ctx context.Context, e *Evidence) error {
	if names, ok := any(r.Set).(interface{ ClassNames() []string }); ok {
		e.ClassNames = names.ClassNames()
	}
	original, before, err := r.answers(ctx, "original", r.Original)
	if err != nil {
		return err
	}
	locked, after, err := r.answers(ctx, "locked", r.Locked)
	if err != nil {
		return err
	}
	e.Models = append(e.Models, Measure("original", original), Measure("locked", locked))
	e.Classes, e.Confusion = ByClass(original, locked), confusion(before, after)
	if e.Steps, err = r.steps(ctx, original, locked); err != nil {
		return err
	}
	e.Examples, err = r.examples(ctx)
	return err
}

func (r *Runs) progress(stage string, total int) func(done int) {
	if r.Progress == nil {
		return func(int) {}
	}
	return r.Progress(stage, total)
}

// pairs counts pairs of label and answer; nil if answers are no classes.
type pairs map[Mistake]int

// answers measures a version and counts its answers.
func (r *Runs) answers(ctx context.Context, name string, session *gradient.Session) (task.Score, pairs, error) {
	evaluator := &task.Evaluator{Task: r.Task, Session: session}
	tally, counts := r.Task.NewTally(), pairs{}
	done := r.progress("answers of the "+name+" model", r.Set.Len())
	err := evaluator.Each(ctx, r.Set, 0, func(b task.Evaluation) (bool, error) {
		if err := tally.Add(b.Outputs, b.Truth); err != nil {
			return false, err
		}
		done(b.Lo + b.N)
		answers, err := r.Task.Answers(b.Outputs)
		if err != nil {
			return false, err
		}
		if _, read := r.Task.(task.CTC); read { // what stands at a place depends on what was left out before it
			counts = nil
		}
		counts = counts.add(b.Truth, answers)
		return true, nil
	})
	if err != nil {
		return task.Score{}, nil, err
	}
	return tally.Score(), counts, nil
}

// add counts the answers of a batch. It returns nil if they are no classes, or of too many
// kinds.
func (p pairs) add(truth, answers nd.Array) pairs {
	labels, given := classesOf(truth), classesOf(answers)
	if p == nil || len(labels) == 0 || len(given) < len(labels) {
		return nil
	}
	for i, label := range labels {
		if label >= 0 && given[i] >= 0 {
			p[Mistake{Label: int(label), Answer: int(given[i])}]++
		}
	}
	if len(p) > mostPairs {
		return nil
	}
	return p
}

// classesOf returns the elements of an array as classes; nil if they are none.
func classesOf(a nd.Array) []int64 {
	switch x := a.Data.(type) {
	case []int64:
		return x
	case []float32:
		out := make([]int64, len(x))
		for i, v := range x {
			if v != 0 && v != 1 {
				return nil
			}
			out[i] = int64(v)
		}
		return out
	}
	return nil
}

// confusion returns the matrices and the most frequent mistakes; nil if there are none to
// count.
func confusion(before, after pairs) *Confusion {
	if len(after) == 0 {
		return nil
	}
	c := &Confusion{Frequent: []Mistake{}}
	highest := 0 // class; a model that answers with numbers of its own may give any
	for _, p := range []pairs{before, after} {
		for m := range p {
			highest = max(highest, m.Label, m.Answer)
		}
	}
	for m, n := range after {
		if m.Label != m.Answer {
			c.Frequent = append(c.Frequent, Mistake{m.Label, m.Answer, n})
		}
	}
	slices.SortFunc(c.Frequent, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Answer, b.Answer))
	})
	c.Frequent = c.Frequent[:min(len(c.Frequent), mostMistakes)]
	if highest < mostClasses {
		c.Original, c.Locked = before.matrix(highest+1), after.matrix(highest+1)
	}
	return c
}

func (p pairs) matrix(classes int) [][]int {
	if p == nil {
		return nil
	}
	m := make([][]int, classes)
	for i := range m {
		m[i] = make([]int, classes)
	}
	for at, n := range p {
		m[at.Label][at.Answer] = n
	}
	return m
}

// steps measures the model with the first changes only. The ends are known.
func (r *Runs) steps(ctx context.Context, original, locked task.Score) (*Steps, error) {
	if r.Partly == nil || r.Changes == 0 || len(locked.Metrics) == 0 || len(original.Metrics) == 0 {
		return nil, nil
	}
	m := locked.Metrics[0]
	s := &Steps{Order: r.Order, Metric: m.Name, Share: m.Share, Samples: r.Set.Len()}
	s.Points = []Step{{0, original.Metrics[0].Value}}
	points := min(r.Changes, mostSteps)
	done := r.progress("with some of the changes", points)
	for i := 1; i < points; i++ {
		n := i * r.Changes / points
		session, err := r.Partly(n)
		if err != nil {
			return nil, err
		}
		score, err := (&task.Evaluator{Task: r.Task, Session: session}).Measure(ctx, r.Set, nil)
		if err != nil {
			return nil, err
		}
		s.Points = append(s.Points, Step{n, score.Metrics[0].Value})
		done(i)
	}
	s.Points = append(s.Points, Step{r.Changes, m.Value})
	return s, nil
}
