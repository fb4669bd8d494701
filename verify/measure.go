package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Measure runs a model over a set and says what its outputs are worth for a task.
// The session has to leave out the last Softmax or Sigmoid if the task wants it
// (task.Task.Logits); for classification it does not matter. Progress, if not nil,
// is called with the number of samples done.
func Measure(ctx context.Context, s *gradient.Session, t task.Task, set Samples, progress func(done int)) (*Metrics, error) {
	if t == nil || t.Traits().Classes {
		return Accuracy(ctx, s, set, progress)
	}
	if set.Len() > 0 && task.Truth(set, 0, 1).Data == nil {
		return nil, hint.With(errors.New("the data has no labels"), "add labels, or use the original model's answers")
	}
	tally := t.NewTally()
	err := s.Forward(interruptible{set, ctx}, func(lo, n int, outputs []nd.Array) error {
		if err := tally.Add(outputs, task.Truth(set, lo, lo+n)); err != nil {
			return err
		}
		if progress != nil {
			progress(lo + n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Metrics{Task: t.Name(), Samples: set.Len(), Score: tally.Score()}, nil
}

// Truth returns what a model answers, in the form of the labels of its task, so
// that it can stand for them.
func Truth(ctx context.Context, s *gradient.Session, t task.Task, src gradient.Source, progress func(done int)) (nd.Array, error) {
	var parts []nd.Array
	err := s.Forward(interruptible{src, ctx}, func(lo, n int, outputs []nd.Array) error {
		answers, err := t.Answers(outputs)
		if err != nil {
			return err
		}
		if len(answers.Shape) == 0 || answers.Shape[0] != n {
			return fmt.Errorf("the output has shape %v for %d samples", answers.Shape, n)
		}
		parts = append(parts, answers)
		if progress != nil {
			progress(lo + n)
		}
		return nil
	})
	if err != nil {
		return nd.Array{}, err
	}
	return joined(parts)
}

// joined puts arrays one behind the other.
func joined(parts []nd.Array) (nd.Array, error) {
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
