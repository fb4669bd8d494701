package samples

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// A model that is right on few samples may be weak, or be given something else than it was
// trained with. Then a lock that holds on these samples may not hold on the same ones
// prepared as in training.

// PreparationError means that a classifier is right on far more of the samples if they are
// in another scale: they are not prepared as in training.
type PreparationError struct {
	Model           string // the path of its file
	Accuracy        float64
	Variant         string // what was done to the samples: "normalised", "divided by 255" or "times 255"
	Better          float64
	Mean, Deviation []float32 // of the channels as they are
	Low, High       float32   // the smallest and the largest number of the samples
}

func (e *PreparationError) Error() string {
	return fmt.Sprintf("%s: the model is right on %.2f %% of the samples as they are (numbers between %.4g and %.4g), and on %.2f %% of them %s", e.Model, 100*e.Accuracy, e.Low, e.High, 100*e.Better, e.Variant)
}

// Hint says what to do.
func (e *PreparationError) Hint() string {
	if e.Variant == synth.Normalised {
		return fmt.Sprintf("unless it is locked already, prepare them as in training: the channels have means %.3g and deviations %.3g", e.Mean, e.Deviation)
	}
	return "unless it is locked already, prepare them as in training: " + e.Variant
}

// A classifier is asked about samples in other scales if it is not right on this share of
// what is above chance. These have to be better by a margin.
const (
	plainlyRight  = 0.8
	betterVariant = 0.15
)

// inScale returns a *PreparationError if a classifier is right on far more of the
// labelled samples in another scale.
func (p *Prepared) inScale(ctx context.Context, m *onnxio.Model, w *gradient.Workers) error {
	if p.AskOriginal || !p.Task.Traits().Classes {
		return nil
	}
	set := First(p.Set, min(p.Set.Len(), Judged))
	session, err := p.Session(m, nil, set, w)
	if err != nil {
		return err
	}
	judge := &task.Evaluator{Task: p.Task, Session: session}
	plain, err := judge.Measure(ctx, set, nil)
	if err != nil || plain.Classes == nil || plain.Quality-plain.Chance > plainlyRight*(1-plain.Chance) {
		return err
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	_, n := plain.Correct()
	least := plain.Quality + max(betterVariant, 3*math.Sqrt(0.5/float64(max(n, 1))))
	var found *PreparationError
	for _, v := range synth.Rescaled(batch) {
		s, err := judge.Measure(ctx, set.WithInputs(v.Inputs), nil)
		if err != nil {
			return err
		}
		if s.Quality < least {
			continue
		}
		least = s.Quality
		found = &PreparationError{Model: m.Path(), Accuracy: plain.Quality, Variant: v.Name, Better: s.Quality}
		for name := range v.Inputs {
			found.Mean, found.Deviation = synth.Moments(batch[name])
			found.Low, found.High = slices.Min(batch[name].Float32s()), slices.Max(batch[name].Float32s())
		}
	}
	if found != nil {
		return found
	}
	return nil
}
