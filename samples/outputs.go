package samples

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
	kind task.Task // to measure by
}

// Intact is the agreement above which an output still has answers.
const Intact = 0.3

// Judged is the largest number of samples that outputs are compared on.
const Judged = 256

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

// Others returns the outputs that the task does not look at. Classes that an ArgMax chooses are
// among them if the task looks at their scores only.
func (p *Prepared) Others() (list []OutputAgreement) {
	covered := p.Look.Outputs(p.Task)
	only := covered == nil
	for _, name := range p.Look.Floats {
		if (only || slices.Contains(covered, name)) && (!p.Task.Traits().AllOutputs || !p.Look.Chooses(name)) {
			continue
		}
		look := p.LookAt(name)
		kind, by := judged(look)
		list = append(list, OutputAgreement{Name: name, By: by, look: look, kind: kind})
	}
	return list
}

// Answers returns the outputs with one number for each of several classes of a sample, as far as
// their shapes tell. The numbers of the best few are in the order of their size, so that the place of the
// largest says nothing.
func (p *Prepared) Answers() (list []OutputAgreement) {
	for _, name := range p.Look.Floats {
		if look := p.LookAt(name); len(look.Shape) == 2 && look.Classes() > 1 && look.LastOp != "TopK" {
			list = append(list, OutputAgreement{Name: name, By: "answers", look: look, kind: task.Classification{}})
		}
	}
	return list
}

// maxHeads is the largest number of outputs that are looked at one after the other.
const maxHeads = 3

// ForOutputs returns the samples for other outputs: for each by itself, or for all at once if there
// are many. Their labels are not there yet (Answered).
func (p *Prepared) ForOutputs(list []OutputAgreement) (each []*Prepared) {
	if len(list) > maxHeads {
		look := list[0].look
		look.Output, look.Named, look.Floats = "", false, nil
		for _, one := range list {
			look.Floats = append(look.Floats, one.Name)
		}
		return []*Prepared{{Head: &Head{Model: p.Model, Task: task.For(task.Outputs{}, look), Look: look}, Set: p.Set}}
	}
	for _, one := range list {
		each = append(each, &Prepared{Head: &Head{Model: p.Model, Output: one.Name, Task: one.kind, Look: one.look}, Set: p.Set})
	}
	return each
}

// Compare measures how far outputs agree when changes are made. What cannot be computed has no
// agreement.
func (p *Prepared) Compare(ctx context.Context, changes []perturb.Change, list []OutputAgreement, w *gradient.Workers) error {
	original, err := weightsWith(p.Model, nil)
	if err != nil {
		return err
	}
	changed, err := weightsWith(p.Model, changes)
	if err != nil {
		return err
	}
	set := First(p.Set, min(p.Set.Len(), Judged))
	for i := range list {
		err := list[i].measure(ctx, set, version{p.Model, original}, version{p.Model, changed}, w)
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

// CompareModels measures how far outputs of two models agree. Of a locked model from elsewhere,
// some may not be computed, and have no agreement.
func (p *Prepared) CompareModels(ctx context.Context, original, locked *onnxio.Model, list []OutputAgreement, w *gradient.Workers) error {
	set := First(p.Set, min(p.Set.Len(), Judged))
	for i := range list {
		// An error means that it cannot be told.
		_ = list[i].measure(ctx, set, version{original, nil}, version{locked, nil}, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// BeyondChance returns the share of the way from chance to all that a quality has come.
func BeyondChance(s task.Score) float64 {
	if s.Chance >= 1 {
		return 0
	}
	return max(0, (s.Quality-s.Chance)/(1-s.Chance))
}

// version is a model with weights; nil means its own.
type version struct {
	model   *onnxio.Model
	weights *gradient.Weights
}

// measure compares the output as two versions of a model compute it.
func (o *OutputAgreement) measure(ctx context.Context, set task.Samples, before, after version, w *gradient.Workers) error {
	size := task.Batch(o.look, nd.New(nd.Float32, 1), ForwardBatch)
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
	s, err := (&task.Evaluator{Task: o.kind, Session: right}).Compare(ctx, set, left)
	if err != nil {
		return err
	}
	agreement := BeyondChance(s)
	o.Agreement, o.Intact = &agreement, agreement > Intact && s.Quality > s.Useless()
	return nil
}
