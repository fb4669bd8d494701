package samples

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// Most models that seem to be worth nothing are given images that were prepared otherwise
// than those of their training. A few samples tell.

// PreprocessError means that a classifier is worth little on images as they are prepared,
// and more on images prepared otherwise. It wraps the error that said so.
type PreprocessError struct {
	Err error
	// Preset is the name of the preset that does better, or "" for Better alone.
	Preset string
	Better dataset.Preprocess
	// Before and After are the accuracies on Samples samples.
	Before, After float64
	Samples       int
}

func (e *PreprocessError) Error() string {
	way := e.Better.String()
	if e.Preset != "" {
		way = "preset " + e.Preset
	}
	return fmt.Sprintf("%v; with %s it is right on %.0f %% of %d of them instead of %.0f %%", e.Err, way, 100*e.After, e.Samples, 100*e.Before)
}

// Unwrap returns Err.
func (e *PreprocessError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *PreprocessError) Hint() string { return "prepare images as they were for training" }

const (
	triedSamples = 64
	muchBetter   = 0.2 // accuracy that another way has to gain
)

// Suggest adds to an error about a model that is worth little what would make it worth more.
func (c *Calibration) Suggest(ctx context.Context, err error, p *Prepared) error {
	if !errors.As(err, new(*perturb.UselessError)) && !errors.As(err, new(*perturb.WeakError)) && !errors.As(err, new(*PreparationError)) || !p.Task.Traits().Classes || p.AskOriginal {
		return err
	}
	if !c.Data.Preprocess.Applies(c.Data.Path) {
		return err // values are there as the model takes them
	}
	before, n, failed := c.try(ctx, p, c.Data.Preprocess)
	if failed != nil {
		return err
	}
	best := &PreprocessError{Err: err, Before: before, After: before + muchBetter, Samples: n}
	found := false
	for _, way := range c.ways(p) {
		after, _, failed := c.try(ctx, p, way.Preprocess)
		if failed == nil && after > best.After {
			best.Preset, best.Better, best.After, found = way.preset, way.Preprocess, after, true
		}
	}
	if ctx.Err() != nil || !found {
		return err
	}
	return best
}

// way is a way to prepare images that may be meant.
type way struct {
	preset string
	dataset.Preprocess
}

// ways returns the ways to try, the likelier first.
func (c *Calibration) ways(p *Prepared) []way {
	given := c.Data.Preprocess
	values := func(change func(*dataset.Preprocess)) dataset.Preprocess {
		v := given
		v.Scale, v.Mean, v.Std = 0, nil, nil
		change(&v)
		return v
	}
	ways := []way{{"", values(func(*dataset.Preprocess) {})}}
	for _, name := range []string{"imagenet", "tf", "caffe", "clip"} {
		base, err := dataset.Preset(name)
		if err != nil {
			continue
		}
		base.ClassNames, base.Layout = given.ClassNames, given.Layout
		ways = append(ways, way{name, base})
	}
	ways = append(ways,
		way{"", values(func(v *dataset.Preprocess) { v.Scale = 1 })},
		way{"", values(func(v *dataset.Preprocess) { v.Mean, v.Std = []float32{0.5}, []float32{0.5} })},
	)
	if mean, std, ok := c.moments(p); ok {
		ways = append(ways, way{"", values(func(v *dataset.Preprocess) { v.Mean, v.Std = mean, std })})
	}
	for _, one := range ways[:len(ways):len(ways)] {
		if one.preset != "" {
			continue
		}
		one.Channels = dataset.BGR
		if given.Channels == dataset.BGR {
			one.Channels = ""
		}
		ways = append(ways, one)
	}
	swapped := given
	if swapped.Channels = dataset.BGR; given.Channels == dataset.BGR {
		swapped.Channels = ""
	}
	return append(ways, way{"", swapped})
}

// try measures the model on a few samples that are prepared in a way.
func (c *Calibration) try(ctx context.Context, p *Prepared, way dataset.Preprocess) (accuracy float64, n int, err error) {
	set, err := c.few(p, way)
	if err != nil {
		return 0, 0, err
	}
	session, err := p.Session(c.Model, nil, set, c.Workers)
	if err != nil {
		return 0, 0, err
	}
	score, err := (&task.Evaluator{Task: p.Task, Session: session}).Measure(ctx, set, nil)
	if err != nil {
		return 0, 0, err
	}
	right, n := score.Correct()
	if n == 0 {
		return 0, 0, errors.New("no samples")
	}
	return float64(right) / float64(n), n, nil
}

// few returns some samples that are prepared in a way.
func (c *Calibration) few(p *Prepared, way dataset.Preprocess) (*dataset.Set, error) {
	d := c.Data
	d.Preprocess, d.Limit = way, triedSamples
	set, _, err := d.open(p.Head, dataset.Train, d.SeedOr(1))
	if err != nil {
		return nil, err
	}
	return set.Classified(0)
}

// moments returns mean and standard deviation of the channels of some samples, rounded as
// people write them.
func (c *Calibration) moments(p *Prepared) (mean, std []float32, ok bool) {
	way := c.Data.Preprocess
	way.Scale, way.Mean, way.Std, way.Layout = 0, nil, nil, ""
	set, err := c.few(p, way)
	if err != nil {
		return nil, nil, false
	}
	batch, err := set.Batch(0, set.Len())
	if err != nil || len(batch) != 1 {
		return nil, nil, false
	}
	for _, a := range batch {
		mean, std = synth.Moments(a)
	}
	for k := range mean {
		mean[k], std[k] = float32(math.Round(float64(mean[k])*1e3)/1e3), float32(math.Round(float64(std[k])*1e3)/1e3)
		if std[k] == 0 {
			return nil, nil, false
		}
	}
	return mean, std, true
}
