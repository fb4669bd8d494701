package advparams

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// Default numbers of samples. A sample that is made up costs about forty gradients.
const (
	defaultSamples = 2000
	defaultMadeUp  = 512
)

// prepare returns the samples to search with, in random order: gradients are taken
// on the first few, and many data sets are sorted by class.
func (o *ProtectOptions) prepare(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*prepared, error) {
	h, err := newHead(m, o.Output, o.Task)
	if err != nil {
		return nil, err
	}
	p, err := o.read(ctx, m, h, w)
	if err != nil {
		return nil, err
	}
	o.introduce(m, p)
	p.set = p.set.Shuffle(o.Data.seed(1))
	if p.askOriginal {
		if err := o.ask(ctx, m, p, w); err != nil {
			return nil, err
		}
		if why := p.foundNothing(); why != "" && o.Task == nil {
			if err := o.byOutputs(ctx, m, p, w, why); err != nil {
				return nil, err
			}
		}
	}
	if err := p.varied(m); err != nil {
		return nil, err
	}
	if err := p.inScale(ctx, m, w); err != nil {
		return nil, o.suggest(ctx, err, m, p, w)
	}
	why := p.mostlyOne()
	if !p.askOriginal || why == "" || o.Data.MadeUp {
		return p, nil
	}
	if o.Task != nil {
		o.see().notify(NoticeSamples, "%s", why)
		return p, nil
	}
	return p, o.byOutputs(ctx, m, p, w, why)
}

// introduce tells what the samples are, and what the model is taken to be for.
func (o *ProtectOptions) introduce(m *onnxio.Model, p *prepared) {
	see, doing := o.see(), "searching"
	if o.Profile == Sealed {
		doing = "measuring"
	}
	see.notify(NoticeData, "%s with %s", doing, p.set.Describe())
	if p.askOriginal && !o.Data.MadeUp && p.unscaled(m) {
		see.notify(NoticeSamples, "the inputs lie between 0 and 255: if the model was trained on numbers between 0 and 1, its answers here are none")
	}
	switch {
	case p.task.Traits().Classes && !p.askOriginal:
	case p.task.Traits().Classes && p.why != "" && p.maybeNumbers():
		see.notify(NoticeTask, "the task is %s, a guess: %s; if its numbers are no scores of classes, it is outputs", p.task.Name(), p.why)
	case p.why != "":
		see.notify(NoticeTask, "the task is %s, a guess: %s", p.task.Name(), p.why)
	default:
		see.notify(NoticeTask, "the task is %s", p.task.Name())
	}
	if p.settled != "" {
		see.notify(NoticeTask, "%s", p.settled)
	}
}

// ask replaces the labels of the samples by the answers of the model.
func (o *ProtectOptions) ask(ctx context.Context, m *onnxio.Model, p *prepared, w *gradient.Workers) error {
	given := p.set.Len()
	err := p.answered(ctx, m, w, o.see().counter("asking the model", given))
	if n := given - p.set.Len(); err == nil && n > 0 {
		o.see().notify(NoticeSamples, "the model answers %d of %d samples with what is no number (NaN or infinite): they are left out", n, given)
	}
	if most, nothing := p.marksNothing(); err == nil && nothing {
		o.see().notify(NoticeSamples, "the model finds nothing in any sample: of numbers between 0 and 1 its largest is %.2g. Such a lock may leave what it finds in others: give samples with something in them", most)
	}
	return err
}

// marksNothing reports whether a model says no everywhere in all samples, and its largest output:
// the numbers of a Sigmoid stay below one half.
func (p *prepared) marksNothing() (most float32, nothing bool) {
	switch p.task.(type) {
	case task.Image, task.Outputs:
	default:
		return 0, false
	}
	x, ok := p.set.Truth(0, p.set.Len()).Data.([]float32)
	if !ok || len(x) == 0 || !p.look.Marks() {
		return 0, false
	}
	most = slices.Max(x)
	return most, most >= 0 && most < 0.5 && slices.Min(x) >= 0
}

// tooAlike says why a search has refused answers for a task that was guessed, if they are the
// model's own; "" otherwise. They cannot be wrong, but say too little: all texts that it reads
// may be empty.
func (l *locking) tooAlike(err error) string {
	e, refused := errors.AsType[*perturb.UselessError](err)
	p := l.samples
	if !refused || l.Task != nil || !p.askOriginal || l.Data.MadeUp || p.task.Traits().AllOutputs {
		return ""
	}
	return fmt.Sprintf("as %s, answers to different samples would agree on %.0f %%", p.task.Name(), 100*e.Score.Chance)
}

// byOutputs judges a model whose answers say little by all that it computes.
func (o *ProtectOptions) byOutputs(ctx context.Context, m *onnxio.Model, p *prepared, w *gradient.Workers, why string) error {
	p.task = task.For(task.Outputs{}, p.look)
	o.see().notify(NoticeTask, "the task is outputs: %s", why)
	return o.ask(ctx, m, p, w)
}

// read reads the samples, or makes them up.
func (o *ProtectOptions) read(ctx context.Context, m *onnxio.Model, h *head, w *gradient.Workers) (*prepared, error) {
	if o.Data.MadeUp {
		return o.Data.invent(ctx, m, h, o.Samples, w, o.see())
	}
	d, n := o.Data, o.Samples
	if n == 0 {
		n = defaultSamples
	}
	if n > 0 && (d.Limit == 0 || n < d.Limit) {
		d.Limit = n
	}
	return d.prepare(h, dataset.Train, d.seed(1), w)
}
