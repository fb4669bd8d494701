package samples

import (
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Several outputs may have a task each. Their labels are arrays named after them.

// Named reports whether the caller named the outputs that count. Others are waived.
func (h *Head) Named() bool {
	_, several := h.Task.(task.Several)
	return h.Look.Named || several
}

// several prepares a task of several outputs: each with what the graph says about it, and,
// unless the model answers, with the labels that the data has for it.
func (h *Head) several(t task.Several, set *dataset.Set, name string, byModel bool) (*dataset.Set, error) {
	if h.Look.Named {
		return nil, feedback.Mistake("Output", "the task names the outputs")
	}
	for _, name := range t.Outputs() {
		if _, err := ChooseOutput(h.Model, name); err != nil {
			return nil, err
		}
	}
	t = t.With(h.LookAt)
	h.Task = t
	if byModel || t.Traits().OriginalAnswers {
		return set, nil
	}
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	var truths []nd.Array
	for _, one := range t.Heads {
		truth := set.Named(one.Output)
		if truth.Data == nil {
			return nil, &NoLabelsError{Data: name, Output: one.Output}
		}
		if one.Task.Traits().Padding {
			truth = task.Mask(truth, inputs)
		}
		truths = append(truths, truth)
	}
	joined, labels, err := task.Join(truths)
	if err != nil {
		return nil, err
	}
	h.Task = t.Labelled(labels)
	return set.WithTruth(joined), nil
}
