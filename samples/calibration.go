package samples

import (
	"context"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// Default numbers of samples. A sample that is made up costs about forty gradients.
const (
	defaultSamples = 2000
	defaultMadeUp  = 512
)

// Calibration gets the samples to lock a model with, or to measure a sealed one on.
type Calibration struct {
	Model  *onnxio.Model
	Output string // that has the answers; "" means the first
	// Task is what the model is for; nil means that outputs and labels decide.
	Task task.Task
	Data Data
	// Samples is the largest number of samples. 0 means a default, and less than 0 all there are.
	Samples int
	Purpose string // what they are for, in notices: "searching" or "measuring"

	Workers *gradient.Workers
	See     feedback.Observer
}

// Prepare returns the samples in random order: gradients are taken on the first few, and many data
// sets are sorted by class.
func (c *Calibration) Prepare(ctx context.Context) (*Prepared, error) {
	h, err := NewHead(c.Model, c.Output, c.Task)
	if err != nil {
		return nil, err
	}
	p, err := c.read(ctx, h)
	if err != nil {
		return nil, err
	}
	c.introduce(p)
	p.Set = p.Set.Shuffle(c.Data.SeedOr(1))
	if p.AskOriginal {
		if err := c.Ask(ctx, p); err != nil {
			return nil, err
		}
		if why := p.FoundNothing(); why != "" && c.Task == nil {
			if err := c.ByOutputs(ctx, p, why); err != nil {
				return nil, err
			}
		}
	}
	if err := p.Varied(c.Model); err != nil {
		return nil, err
	}
	if err := p.inScale(ctx, c.Model, c.Workers); err != nil {
		return nil, c.Suggest(ctx, err, p)
	}
	why := p.MostlyOne()
	if !p.AskOriginal || why == "" || c.Data.MadeUp {
		return p, nil
	}
	if c.Task != nil {
		c.See.Notify(feedback.NoticeSamples, "%s", why)
		return p, nil
	}
	return p, c.ByOutputs(ctx, p, why)
}

// introduce tells what the samples are, and what the model is taken to be for.
func (c *Calibration) introduce(p *Prepared) {
	see := c.See
	see.Notify(feedback.NoticeData, "%s with %s", c.Purpose, p.Set.Describe())
	if p.AskOriginal && !c.Data.MadeUp && p.Unscaled(c.Model) {
		see.Notify(feedback.NoticeSamples, "the inputs lie between 0 and 255: if the model was trained on numbers between 0 and 1, its answers here are none")
	}
	switch {
	case p.Task.Traits().Classes && !p.AskOriginal:
	case p.Task.Traits().Classes && p.why != "" && p.MaybeNumbers():
		see.Notify(feedback.NoticeTask, "the task is %s, a guess: %s; if its numbers are no scores of classes, it is outputs", p.Task.Name(), p.why)
	case p.why != "":
		see.Notify(feedback.NoticeTask, "the task is %s, a guess: %s", p.Task.Name(), p.why)
	default:
		see.Notify(feedback.NoticeTask, "the task is %s", p.Task.Name())
	}
	if p.Settled != "" {
		see.Notify(feedback.NoticeTask, "%s", p.Settled)
	}
}

// Ask replaces the labels of the samples by the answers of the model.
func (c *Calibration) Ask(ctx context.Context, p *Prepared) error {
	given := p.Set.Len()
	err := p.Answered(ctx, c.Model, c.Workers, c.See.Counter("asking the model", given))
	if n := given - p.Set.Len(); err == nil && n > 0 {
		c.See.Notify(feedback.NoticeSamples, "the model answers %d of %d samples with what is no number (NaN or infinite): they are left out", n, given)
	}
	if most, nothing := p.marksNothing(); err == nil && nothing {
		c.See.Notify(feedback.NoticeSamples, "the model finds nothing in any sample: of numbers between 0 and 1 its largest is %.2g. Such a lock may leave what it finds in others: give samples with something in them", most)
	}
	return err
}

// marksNothing reports whether a model says no everywhere in all samples, and its largest output:
// the numbers of a Sigmoid stay below one half.
func (p *Prepared) marksNothing() (most float32, nothing bool) {
	switch p.Task.(type) {
	case task.Image, task.Outputs:
	default:
		return 0, false
	}
	x, ok := p.Set.Truth(0, p.Set.Len()).Data.([]float32)
	if !ok || len(x) == 0 || !p.Look.Marks() {
		return 0, false
	}
	most = slices.Max(x)
	return most, most >= 0 && most < 0.5 && slices.Min(x) >= 0
}

// ByOutputs judges a model whose answers say little by all that it computes.
func (c *Calibration) ByOutputs(ctx context.Context, p *Prepared, why string) error {
	p.Task = task.For(task.Outputs{}, p.Look)
	c.See.Notify(feedback.NoticeTask, "the task is outputs: %s", why)
	return c.Ask(ctx, p)
}

// read reads the samples, or makes them up.
func (c *Calibration) read(ctx context.Context, h *Head) (*Prepared, error) {
	if c.Data.MadeUp {
		return c.invent(ctx, h)
	}
	d, n := c.Data, c.Samples
	if n == 0 {
		n = defaultSamples
	}
	if n > 0 && (d.Limit == 0 || n < d.Limit) {
		d.Limit = n
	}
	return Read(&d, h, dataset.Train, d.SeedOr(1), c.Workers)
}
