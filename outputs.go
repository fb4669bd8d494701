package advparams

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// A search brings one output of a model to the target. Other outputs may have answers
// too, and still have them afterwards. They are compared with those of the original.

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
	kind task.Task // to measure by; nil means as the graph says (judged)
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

// others returns the outputs that a task does not look at. Classes that an ArgMax chooses are
// among them if the task looks at their scores only.
func others(p *prepared) []OutputAgreement {
	covered := p.look.Outputs(p.task)
	only := covered == nil
	var list []OutputAgreement
	for _, name := range p.look.Floats {
		if (only || slices.Contains(covered, name)) && (!p.task.Traits().AllOutputs || !p.look.Chooses(name)) {
			continue
		}
		look := p.lookAt(name)
		_, by := judged(look)
		list = append(list, OutputAgreement{Name: name, By: by, look: look})
	}
	return list
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

// beyondChance returns the share of the way from chance to all that a quality has come.
func beyondChance(s task.Score) float64 {
	if s.Chance >= 1 {
		return 0
	}
	return max(0, (s.Quality-s.Chance)/(1-s.Chance))
}

// measure compares the output as two versions of a model compute it.
func (o *OutputAgreement) measure(ctx context.Context, set task.Samples, before, after version, w *gradient.Workers) error {
	kind := o.kind
	if kind == nil {
		kind, _ = judged(o.look)
	}
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
	agreement := beyondChance(s)
	o.Agreement, o.Intact = &agreement, agreement > intact && s.Quality > s.Useless()
	return nil
}
