package advparams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// A search brings one output of a model to the target. Other outputs may have answers
// too, and still have them afterwards. They are compared with those of the original, and
// locked as well unless the caller named the output.

// OutputAgreement says how far an output of the locked model agrees with that of the
// original.
type OutputAgreement struct {
	Name string `json:"name"`
	// By is what was compared: "answers" if the largest value along an axis is the
	// answer, or "values".
	By string `json:"by"`
	// Agreement is 1 if both are the same, and about 0 if one tells nothing about the
	// other. It does not depend on scales. nil means that the output could not be
	// computed.
	Agreement *float64 `json:"agreement"`
	// Intact reports whether the output still has answers.
	Intact bool `json:"intact"`

	look task.Outlook
}

// intact is the agreement above which an output still has answers.
const intact = 0.3

// judgedSamples is the largest number of samples that outputs are compared on.
const judgedSamples = 256

// judged returns what to compare of an output: the answers if the graph says that there
// is one class a sample or position, and all values otherwise.
func judged(look task.Outlook) (t task.Task, by string) {
	switch {
	case look.Kind == task.KindChoice && look.Axis > 0 && len(look.Shape) > 2:
		return task.For(task.Segmentation{}, look), "answers"
	case look.Classes() > 1 && (look.Kind == task.KindChoice || look.Kind == task.KindLinear && look.LastOp != "Sigmoid"):
		return task.Classification{}, "answers"
	}
	return task.Outputs{}, "values"
}

// others returns the outputs that a task does not look at.
func others(p *prepared) ([]OutputAgreement, error) {
	covered := p.look.Outputs(p.task)
	if covered == nil {
		return nil, nil // the only one
	}
	var list []OutputAgreement
	for _, name := range p.look.Floats {
		if slices.Contains(covered, name) {
			continue
		}
		look, err := p.lookAt(name)
		if err != nil {
			return nil, err
		}
		_, by := judged(look)
		list = append(list, OutputAgreement{Name: name, By: by, look: look})
	}
	return list, nil
}

// weightsWith returns the weights of a model with changes. No other tensors than those
// of the changes may be written to.
func weightsWith(m *onnxio.Model, changes []perturb.Change) (*gradient.Weights, error) {
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.Tensor] = true
	}
	w, err := gradient.LoadWeightsToChange(m, func(name string) bool { return changed[name] })
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		a, _ := w.Array(c.Tensor)
		a.Float32s()[c.Index] = m.Weight(c.Tensor).Decode(c.New)
	}
	return w, nil
}

// compare measures how far outputs agree when changes are made.
func compare(ctx context.Context, m *onnxio.Model, p *prepared, changes []perturb.Change, list []OutputAgreement, w *gradient.Workers) error {
	original, err := weightsWith(m, nil)
	if err != nil {
		return err
	}
	changed, err := weightsWith(m, changes)
	if err != nil {
		return err
	}
	set := first(p.set, min(p.set.Len(), judgedSamples))
	for i := range list {
		err := list[i].measure(ctx, set, version{m, original}, version{m, changed}, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, gradient.ErrUnsupported) {
			continue // it cannot be told
		}
		if err != nil {
			return fmt.Errorf("comparing output %q: %w", list[i].Name, err)
		}
	}
	return nil
}

// version is a model with weights; nil means its own.
type version struct {
	model   *onnxio.Model
	weights *gradient.Weights
}

// measure compares the output as two versions of a model compute it.
func (o *OutputAgreement) measure(ctx context.Context, set task.Samples, before, after version, w *gradient.Workers) error {
	kind, _ := judged(o.look)
	size := task.Batch(o.look, nd.New(nd.Float32, 1), forwardBatch)
	session := func(v version) (*gradient.Session, error) {
		return gradient.NewSession(v.model, gradient.Config{Weights: v.weights, Workers: w, Outputs: []string{o.Name}, Axes: o.look.Axes}, size)
	}
	left, err := session(before)
	if err != nil {
		return err
	}
	right, err := session(after)
	if err != nil {
		return err
	}
	s, err := (&task.Evaluator{Task: kind, Session: right}).Compare(ctx, set, left)
	if err != nil {
		return err
	}
	agreement := 0.0
	if s.Chance < 1 {
		agreement = max(0, (s.Quality-s.Chance)/(1-s.Chance))
	}
	o.Agreement, o.Intact = &agreement, agreement > intact && s.Quality > s.Useless()
	return nil
}

// lockOthers compares the outputs that the search has not looked at. It searches for more
// changes until none of them is intact, unless the caller named the output with the
// answers. It returns how far they agree in the end.
func (o *ProtectOptions) lockOthers(ctx context.Context, m *onnxio.Model, p *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) ([]OutputAgreement, error) {
	list, err := others(p)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	see := observer{o.Progress, o.Notice}
	if err := compare(ctx, m, p, found.Changes, list, w); err != nil {
		return nil, err
	}
	if !p.named() {
		var left []OutputAgreement
		for _, one := range list {
			if one.Intact {
				see.notify(NoticeTask, "output %q still has its %s (agreement %.1f %%): locking it as well", one.Name, one.By, 100**one.Agreement)
				left = append(left, one)
			}
		}
		for _, h := range heads(m, left) {
			if err := o.lockMore(ctx, m, &prepared{head: h, set: p.set}, found, allow, w); err != nil {
				return nil, err
			}
		}
		if len(left) > 0 {
			if err := o.again(ctx, m, p, found, allow, w); err != nil {
				return nil, err
			}
			if err := compare(ctx, m, p, found.Changes, list, w); err != nil {
				return nil, err
			}
		}
	}
	for _, one := range list {
		switch {
		case one.Agreement == nil:
			see.notify(NoticeOutput, "whether output %q still has answers cannot be told", one.Name)
		case one.Intact && (p.named() || o.AllowPartial): // otherwise it is an error
			see.notify(NoticeOutput, "output %q is still right: its %s agree with those of the original (%.1f %%)", one.Name, one.By, 100**one.Agreement)
		}
	}
	return list, nil
}

// maxHeads is the largest number of outputs that are locked one after the other.
const maxHeads = 3

// heads returns what to lock for outputs that are intact: each by itself, or all at once if
// there are many.
func heads(m *onnxio.Model, left []OutputAgreement) []*head {
	var list []*head
	for _, one := range left {
		kind, _ := judged(one.look)
		list = append(list, &head{model: m, output: one.Name, task: kind, look: one.look})
	}
	if len(list) <= maxHeads {
		return list
	}
	look := left[0].look
	look.Output, look.Named, look.Floats = "", false, nil
	for _, one := range left {
		look.Floats = append(look.Floats, one.Name)
	}
	return []*head{{model: m, task: task.For(task.Outputs{}, look), look: look}}
}

// lockMore adds changes to those found, until what a head looks at is useless or no more
// can be made.
func (o *ProtectOptions) lockMore(ctx context.Context, m *onnxio.Model, q *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) error {
	if err := q.answered(ctx, m, w, nil); err != nil {
		return err
	}
	return o.goOn(ctx, m, q, found, o.budget(), allow, w)
}

// again measures the output with the answers after changes for other outputs, and goes on
// with it if they have given back some of what it had lost.
func (o *ProtectOptions) again(ctx context.Context, m *onnxio.Model, p *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) error {
	if err := p.remeasure(ctx, m, found, w); err != nil || o.Target != 0 || found.Locked.Quality <= found.Locked.Useless() {
		return err
	}
	if err := o.goOn(ctx, m, p, found, o.budget(), allow, w); err != nil {
		return err
	}
	return p.remeasure(ctx, m, found, w)
}

// remeasure measures the output with the answers again, after more changes.
func (p *prepared) remeasure(ctx context.Context, m *onnxio.Model, found *perturb.Result, w *gradient.Workers) error {
	session, err := p.session(m, found.Changes, p.set, w)
	if err != nil {
		return err
	}
	found.Locked, err = (&task.Evaluator{Task: p.task, Session: session}).Measure(ctx, p.set, nil)
	return err
}

// OutputsError means that the output with the answers is locked, and others are not. It
// wraps ErrTarget.
type OutputsError struct {
	Model  string            // the path of its file
	Locked string            // the output that is locked; "" for the only one of its kind
	Intact []OutputAgreement // those that still have answers
}

func (e *OutputsError) Error() string {
	var names []string
	for _, o := range e.Intact {
		names = append(names, fmt.Sprintf("%q (%.1f %%)", o.Name, 100**o.Agreement))
	}
	return fmt.Sprintf("%s: output %q is locked, but others still agree with the original: %s", e.Model, e.Locked, strings.Join(names, ", "))
}

// Unwrap returns ErrTarget.
func (e *OutputsError) Unwrap() error { return ErrTarget }

// verdict returns an error if a lock leaves the answers of outputs intact that the caller
// has not waived.
func (p *prepared) verdict(m *onnxio.Model, found *perturb.Result, list []OutputAgreement) error {
	if p.named() {
		return nil
	}
	e := &OutputsError{Model: m.Path(), Locked: p.output}
	for _, one := range list {
		if one.Intact {
			e.Intact = append(e.Intact, one)
		}
	}
	if len(e.Intact) > 0 {
		return e
	}
	if target := max(found.Target, found.Locked.Useless()+slack); found.Locked.Quality > target {
		return &perturb.TargetError{Measure: p.task.Traits().Quality, Reached: found.Locked.Quality, Target: target, Changed: len(found.Changes), Max: len(found.Changes)}
	}
	return nil
}
