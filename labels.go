package advparams

import (
	"context"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// nextTokens returns the set with the next token of every position as labels.
func nextTokens(set *dataset.Set) (*dataset.Set, error) {
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	truth, err := task.NextTokens(inputs)
	if err != nil {
		return nil, err
	}
	return set.WithTruth(truth), nil
}

// answered replaces the labels by the answers of a model.
func (p *prepared) answered(ctx context.Context, m *onnxio.Model, w *gradient.Workers, progress func(done int)) error {
	session, err := p.session(m, p.set, w)
	if err != nil {
		return err
	}
	answers, err := (&task.Evaluator{Task: p.task, Session: session}).Answers(ctx, p.set, progress)
	if err != nil {
		return err
	}
	p.set = p.set.WithTruth(answers)
	if p.task.Traits().Classes {
		p.set, err = p.set.Classified(0)
	}
	return err
}
