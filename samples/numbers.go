package samples

import (
	"context"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// Numbers returns the samples with the numbers of the outputs to compare with in place of answers.
func (p *Prepared) Numbers(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*Prepared, error) {
	q := p.By(task.For(task.Outputs{}, p.Look))
	return q, q.Answered(ctx, m, w, nil)
}

// Scores returns the samples with the numbers that the answers are chosen by, or with what each
// exceeds the others by: those of the output with the answers and of no other.
func (p *Prepared) Scores(ctx context.Context, m *onnxio.Model, w *gradient.Workers, differences bool) (*Prepared, error) {
	look := p.Look
	look.Named = true
	q := p.By(task.For(task.Outputs{Differences: differences}, look))
	q.Look = look
	return q, q.Answered(ctx, m, w, nil)
}

// By returns the samples to be judged by another task, with what the original computes as the truth.
func (p *Prepared) By(t task.Task) *Prepared {
	h := *p.Head
	h.Task = t
	return &Prepared{Head: &h, Set: p.Set, AskOriginal: true}
}

// Differences returns the samples with what each number of an output exceeds the others by: a term
// that is added to all scores hides each of them, and who subtracts it has the answers again.
func (p *Prepared) Differences(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*Prepared, error) {
	t := p.Task.(task.Outputs)
	t.Differences = true
	q := p.By(t)
	return q, q.Answered(ctx, m, w, nil)
}

// MaybeNumbers reports whether the task is a guess that the graph does not bear out: nothing in it
// chooses among the numbers of the output, which may be scores of classes, but actions or
// coordinates as well.
func (p *Prepared) MaybeNumbers() bool {
	switch p.Look.Kind {
	case task.KindUnknown:
		return p.Task.Traits().Classes
	case task.KindLinear:
		switch p.Task.(type) {
		case task.Classification, task.Tagging:
			return true
		case task.Segmentation: // a convolution has scores at each place, a linear layer points as well
			return !strings.Contains(p.Look.Why, "Conv")
		}
	}
	return false
}

// Measure says what a model with changes is worth on the samples.
func (p *Prepared) Measure(ctx context.Context, m *onnxio.Model, changes []perturb.Change, w *gradient.Workers) (task.Score, error) {
	session, err := p.Session(m, changes, p.Set, w)
	if err != nil {
		return task.Score{}, err
	}
	return (&task.Evaluator{Task: p.Task, Session: session}).Measure(ctx, p.Set, nil)
}

// variedAnswers is the share of the most frequent answer above which values are compared.
const variedAnswers = 0.8

// Asked returns samples with the answers of the model. If nearly all answers are the same,
// the truth is all that the model computes instead.
func (h *Head) Asked(ctx context.Context, m *onnxio.Model, set *dataset.Set, w *gradient.Workers) (*Prepared, error) {
	own := *h
	q := &Prepared{Head: &own, Set: set, AskOriginal: true}
	if err := q.Answered(ctx, m, w, nil); err != nil {
		return nil, err
	}
	var err error
	if _, share := q.skewed(); q.Task.Traits().Classes && share > variedAnswers {
		q.Task = task.For(task.Outputs{}, q.Look)
		err = q.Answered(ctx, m, w, nil)
	}
	return q, err
}
