package main

import (
	"context"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// noData is what --data says when there is none.
const noData = "none"

// inventedSamples are made when --samples does not say how many. Each takes some
// forty gradients.
const inventedSamples = 512

// invent makes up samples with the model's answers as labels.
func (p *protect) invent(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*dataset.Set, error) {
	d := &p.data
	if d.task != "" && d.task != (task.Classification{}).Name() {
		return nil, usagef("--data %s makes up samples of classifiers, not for --task %s", noData, d.task)
	}
	d.kind, d.labels = task.Classification{}, "model"
	n := inventedSamples
	if p.samplesGiven && p.samples > 0 {
		n = p.samples
	}
	bar := p.app.bar("making up samples", n)
	inputs, err := synth.Samples(ctx, m, synth.Options{
		N: n, Shape: p.shape, Mean: d.mean, Std: d.std, Output: d.output, Seed: d.seed, Workers: w,
		Progress: func(done int) { bar.set(done, "%d of %d", done, n) },
	})
	bar.close()
	if err != nil {
		return nil, err
	}
	set, err := dataset.FromArrays(inputs, "made up from the model")
	if err != nil {
		return nil, err
	}
	p.app.note("searching with %s", set.Describe())
	set = set.Shuffle(d.seed)
	return d.answered(ctx, p.app, m, set, w, "the model")
}
