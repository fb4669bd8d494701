package task

import (
	"context"
	"errors"
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Evaluator runs a model over samples, batch by batch, and measures its outputs. The
// search, the verification and the attacks all measure models with it.
type Evaluator struct {
	// Task says what the outputs are worth. It must not be nil.
	Task Task
	// Session runs the model. Its configuration has to leave out the last Softmax or
	// Sigmoid if Traits.MeasureLogits says so.
	Session *gradient.Session
}

// Evaluation is what running the model on samples [Lo, Lo+N) gave.
type Evaluation struct {
	Lo, N   int
	Outputs []nd.Array // of the model, valid until the next batch
	Truth   nd.Array   // the zero Array where it is not known
}

// Measure runs the model on all samples and returns what its outputs are worth.
// progress, if not nil, is called with the number of samples done. Samples without
// truth are an error.
func (e *Evaluator) Measure(ctx context.Context, samples Samples, progress func(done int)) (Score, error) {
	if samples.Len() > 0 && Truth(samples, 0, 1).Data == nil {
		return Score{}, ErrNoLabels
	}
	tally := e.Task.NewTally()
	err := e.Each(ctx, samples, 0, func(b Evaluation) (bool, error) {
		err := tally.Add(b.Outputs, b.Truth)
		if err == nil && progress != nil {
			progress(b.Lo + b.N)
		}
		return true, err
	})
	if err != nil {
		return Score{}, err
	}
	return tally.Score(), nil
}

// Each runs the model on the samples from one on, and calls visit with each batch
// until visit returns false or an error. It ends with the error of ctx when that is
// done.
func (e *Evaluator) Each(ctx context.Context, samples Samples, from int, visit func(Evaluation) (more bool, err error)) error {
	return e.run(ctx, samples, from, func(lo, n int, outputs []nd.Array) (bool, error) {
		return visit(Evaluation{Lo: lo, N: n, Outputs: outputs, Truth: Truth(samples, lo, lo+n)})
	})
}

// Answers returns what the model answers, in the form of the truth of its task, so
// that its answers can stand for labels. Where Traits.NextTokens or Padding is set, tokens
// that nobody asks for, such as those after the end of a shorter text, are -1.
func (e *Evaluator) Answers(ctx context.Context, samples gradient.Source, progress func(done int)) (nd.Array, error) {
	var parts []nd.Array
	inputs := &recorder{Source: samples}
	err := e.run(ctx, inputs, 0, func(lo, n int, outputs []nd.Array) (bool, error) {
		answers, err := e.Task.Answers(outputs)
		if err != nil {
			return false, err
		}
		if len(answers.Shape) == 0 || answers.Shape[0] != n {
			return false, &RowsError{answers.Shape, n}
		}
		switch traits := e.Task.Traits(); {
		case traits.NextTokens:
			mask(answers, inputs.batch)
		case traits.Padding:
			answers = Mask(answers, inputs.batch)
		}
		parts = append(parts, answers)
		if progress != nil {
			progress(lo + n)
		}
		return true, nil
	})
	if err != nil {
		return nd.Array{}, err
	}
	return concatenate(parts)
}

// Compare measures how far the model agrees with another one, original: its answers, batch
// by batch, are the truth. The outputs need not have a row for each sample.
func (e *Evaluator) Compare(ctx context.Context, samples gradient.Source, original *gradient.Session) (Score, error) {
	tally := e.Task.NewTally()
	err := original.Forward(span{samples, 0, samples.Len(), ctx}, func(lo, n int, outputs []nd.Array) error {
		truth, err := e.Task.Answers(outputs)
		if err != nil {
			return err
		}
		return e.Session.Forward(span{samples, lo, n, ctx}, func(_, _ int, outputs []nd.Array) error {
			return tally.Add(outputs, truth)
		})
	})
	if err != nil {
		return Score{}, err
	}
	return tally.Score(), nil
}

// mask sets answers to -1 for which the inputs have no next token. It leaves them
// alone where the inputs do not tell.
func mask(answers nd.Array, inputs map[string]nd.Array) {
	next, err := NextTokens(inputs)
	if err != nil || next.Len() != answers.Len() {
		return
	}
	for i, token := range next.Int64s() {
		if token < 0 {
			answers.Int64s()[i] = -1
		}
	}
}

// errEnough ends a run early.
var errEnough = errors.New("enough samples")

// run calls visit with the outputs for samples [lo, lo+n) until it returns false.
func (e *Evaluator) run(ctx context.Context, samples gradient.Source, from int, visit func(lo, n int, outputs []nd.Array) (more bool, err error)) error {
	classes := e.Task.Traits().Classes
	err := e.Session.Forward(span{samples, from, samples.Len() - from, ctx}, func(lo, n int, outputs []nd.Array) error {
		if classes && len(outputs) > 0 && len(outputs[0].Shape) > 0 && outputs[0].Shape[0] != n {
			return &RowsError{outputs[0].Shape, n}
		}
		more, err := visit(from+lo, n, outputs)
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// span is n samples of a source from one on, as long as a context is not done.
type span struct {
	gradient.Source
	from, n int
	ctx     context.Context
}

func (s span) Len() int { return s.n }

func (s span) Batch(lo, hi int) (map[string]nd.Array, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.Source.Batch(s.from+lo, s.from+hi)
}

// recorder keeps the batch that was taken last.
type recorder struct {
	gradient.Source
	batch map[string]nd.Array
}

func (r *recorder) Batch(lo, hi int) (batch map[string]nd.Array, err error) {
	r.batch, err = r.Source.Batch(lo, hi)
	return r.batch, err
}

// concatenate joins arrays along the first axis.
func concatenate(parts []nd.Array) (nd.Array, error) {
	if len(parts) == 0 {
		return nd.Array{}, errors.New("no samples")
	}
	shape := append([]int{0}, parts[0].Shape[1:]...)
	var floats []float32
	var integers []int64
	for _, p := range parts {
		if nd.Size(p.Shape[1:]) != nd.Size(shape[1:]) {
			return nd.Array{}, fmt.Errorf("the output has shape %v for some samples and %v for others", parts[0].Shape, p.Shape)
		}
		shape[0] += p.Shape[0]
		switch x := p.Data.(type) {
		case []int64:
			integers = append(integers, x...)
		case []float32:
			floats = append(floats, x...)
		}
	}
	if integers != nil {
		return nd.Of(integers, shape...), nil
	}
	return nd.Of(floats, shape...), nil
}
