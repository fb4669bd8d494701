package samples

import (
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// Head is the output of a model that has the answers, and what they are for.
type Head struct {
	Model  *onnxio.Model
	Output string    // "" if there is no other
	Task   task.Task // nil until Read has found it
	why    string    // how Read has found it; "" if it was given
	// Settled says what Read has found of what the task leaves open; "" for nothing.
	Settled  string
	Look     task.Outlook     // what the graph says
	shapes   map[string][]int // of outputs, as a run has shown
	Ranges   []synth.Range    // of samples that are made up
	Original bool             // whether the original is at hand, to be asked where samples have no labels
	// Unlocked are the weights of the original of a locked model; nil if it is not at hand, or
	// this is it.
	Unlocked *gradient.Weights
}

// NewHead reads the graph of a model, once for a run. The task may be nil.
func NewHead(m *onnxio.Model, output string, t task.Task) (*Head, error) {
	look, err := task.Look(m, output)
	if t != nil {
		t = task.For(t, look)
	}
	return &Head{Model: m, Output: look.Output, Task: t, Look: look}, err
}

// Session returns a session that computes what the task looks at after changes, for
// samples such as those of set.
func (h *Head) Session(m *onnxio.Model, changes []perturb.Change, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	weights, err := weightsWith(m, changes)
	if err != nil {
		return nil, err
	}
	return h.sessionWith(m, weights, set, w)
}

// sessionWith returns a session that computes what the task looks at with other weights.
func (h *Head) sessionWith(m *onnxio.Model, weights *gradient.Weights, set *dataset.Set, w *gradient.Workers) (*gradient.Session, error) {
	cfg := gradient.Config{Workers: w, Outputs: h.Look.Outputs(h.Task), Weights: weights, Axes: h.Look.Axes}
	traits := h.Task.Traits()
	cfg.Logits, cfg.Unsquashed, cfg.Raw = traits.MeasureLogits, traits.Unsquashed, traits.MeasureRaw
	return gradient.NewSession(m, cfg, task.Batch(h.Look, set.Truth(0, 1), ForwardBatch))
}

// ForwardBatch is the number of samples computed at a time.
const ForwardBatch = 100

// settle finds out by a run which axes count samples and what shapes the outputs have.
// axes are those that the caller knows. Outputs that cannot be computed are left out, but
// for the one with the answers.
func (h *Head) settle(set *dataset.Set, w *gradient.Workers) error {
	outputs := slices.Clone(h.Look.Floats)
	own := h.Look.Outputs(task.Classification{})
	for _, name := range own {
		if !slices.Contains(outputs, name) {
			outputs = append(outputs, name)
		}
	}
	for _, name := range h.Look.Boxes {
		if !slices.Contains(outputs, name) {
			outputs = append(outputs, name)
		}
	}
	if len(outputs) == 0 {
		outputs = own
	}
	axes, shapes, err := h.Look.Axes.Probe(h.Model, set, outputs, w)
	if err != nil && len(outputs) > len(own) && own != nil {
		axes, shapes, err = h.Look.Axes.Probe(h.Model, set, own, w)
	}
	if err != nil {
		return err
	}
	h.shapes, h.Look = shapes, h.Look.Settled(axes, shapes)
	if h.Task != nil {
		h.Task = task.For(h.Task, h.Look)
	}
	return nil
}

// choose looks at another output if the first cannot have answers like the labels.
func (h *Head) choose(set *dataset.Set) error {
	labels := set.Truth(0, set.Len())
	if h.Look.Named || labels.Data == nil || h.Look.Fits(labels) {
		return nil
	}
	for _, name := range h.Look.Floats {
		if look := h.LookAt(name); look.Fits(labels) {
			look.Named = false
			h.Look, h.Output = look, name
			break
		}
	}
	return nil
}

// LookAt reads what the graph says about another output, with what the run has shown.
func (h *Head) LookAt(name string) task.Outlook {
	look := h.Look.At(name)
	if h.shapes == nil {
		return look
	}
	return look.Settled(h.Look.Axes, h.shapes)
}

// ChooseOutput makes sure that a model has the output, and returns it as
// gradient.Config takes it: nil, for all, if no name is given.
func ChooseOutput(m *onnxio.Model, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var names []string
	for _, o := range m.Proto().GetGraph().GetOutput() {
		names = append(names, o.GetName())
	}
	if !slices.Contains(names, name) {
		return nil, feedback.Mistake("Output", "%s has no output %q, but %s", m.Path(), name, strings.Join(names, ", "))
	}
	return []string{name}, nil
}

// First returns the first n samples of a set.
func First(set *dataset.Set, n int) *dataset.Set {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return set.Subset(rows)
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
