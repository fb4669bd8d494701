package main

import (
	"context"
	"errors"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// open reads the samples as a model takes them, and finds out what it is for.
func (d *dataFlags) open(m *onnxio.Model) (*dataset.Set, error) {
	look, err := task.Look(m, d.output)
	if err != nil {
		return nil, err
	}
	spec := verify.Spec(look)
	spec.Split, spec.DefaultSplit = dataset.Split(d.split), d.usual
	spec.Limit, spec.Seed = d.limit, d.seed
	spec.Mean, spec.Std = d.mean, d.std
	spec.AnyLabels = true
	set, err := dataset.Open(d.path, spec)
	if err != nil {
		return nil, err
	}
	if d.kind, err = d.guess(look, set); err != nil {
		return nil, err
	}
	labelled := set.Truth(0, 1).Data != nil
	switch {
	case d.asksModel():
		return set, nil // labels that are there play no part
	case !labelled && d.kind.Traits().NextTokens:
		return nextTokens(set)
	case !labelled:
		return nil, hint.With(errors.New(d.path+": no labels"), "add labels, or use the model's own answers with --labels model; vectors, --task embedding, need none")
	case d.kind.Traits().Classes:
		return set.Classified(spec.Classes)
	}
	return set, nil
}

// guess returns the task that was asked for, or else the one that it looks like.
func (d *dataFlags) guess(look task.Outlook, set *dataset.Set) (task.Task, error) {
	if d.task != "" {
		return task.ByName(d.task)
	}
	return task.Guess(look, set.Truth(0, set.Len()), d.byModel())
}

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

// byModel reports whether the model's answers are to be the labels.
func (d *dataFlags) byModel() bool { return d.labels == "model" }

// asksModel reports whether the original model has to be asked, after open: vectors
// are compared with those of the original.
func (d *dataFlags) asksModel() bool {
	return d.byModel() || d.kind.Traits().OriginalAnswers
}

// session returns a session that computes what the task looks at.
func (d *dataFlags) session(m *onnxio.Model, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	outputs, err := outputsNamed(m, d.output)
	if err != nil {
		return nil, err
	}
	look, err := task.Look(m, d.output)
	if err != nil {
		return nil, err
	}
	cfg := gradient.Config{Outputs: outputs, Workers: w}
	cfg.Logits = d.kind.Traits().MeasureLogits
	return gradient.NewSession(m, cfg, task.Batch(look, set.Truth(0, 1), forwardBatch))
}

// answered returns the set with a model's answers as labels.
func (d *dataFlags) answered(ctx context.Context, a *app, m *onnxio.Model, set *dataset.Set, w *gradient.Workers, name string) (*dataset.Set, error) {
	session, err := d.session(m, set, w)
	if err != nil {
		return nil, err
	}
	bar := a.bar("asking "+name, set.Len())
	defer bar.close()
	answers, err := (&task.Evaluator{Task: d.kind, Session: session}).Answers(ctx, set, func(done int) { bar.set(done, "%d of %d", done, set.Len()) })
	if err != nil {
		return nil, err
	}
	if d.kind.Traits().Classes {
		return set.WithTruth(answers).Classified(0)
	}
	return set.WithTruth(answers), nil
}
