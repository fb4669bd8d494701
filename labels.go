package advparams

import (
	"context"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// nextTokens makes the tokens that follow in the inputs the labels.
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

// answered makes the answers of a model the labels.
func (p *prepared) answered(ctx context.Context, m *onnxio.Model, w *gradient.Workers, progress func(done int)) error {
	session, err := p.session(m, p.set, w)
	if err != nil {
		return err
	}
	answers, err := verify.Truth(ctx, session, p.task, p.set, progress)
	if err != nil {
		return err
	}
	if p.task.Traits().NextTokens {
		answers = masked(answers, p.set)
	}
	p.set = p.set.WithTruth(answers)
	if p.task.Traits().Classes {
		p.set, err = p.set.Classified(0)
	}
	return err
}

// masked leaves out of a language model's answers those that nobody asks for,
// behind the end of shorter texts.
func masked(answers nd.Array, set *dataset.Set) nd.Array {
	next, err := nextTokens(set)
	if err != nil {
		return answers // whatever the model reads, nothing tells what is padding
	}
	asked := next.Truth(0, set.Len())
	if asked.Len() != answers.Len() {
		return answers
	}
	truth := nd.New(nd.Int64, answers.Shape...)
	for i, token := range answers.Int64s() {
		if truth.Int64s()[i] = token; asked.Int64s()[i] < 0 {
			truth.Int64s()[i] = -1
		}
	}
	return truth
}
