package samples

import (
	"maps"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// carried returns samples that are a sequence: an input of each is what an output was for
// the one before. carry has the outputs by their inputs.
func (h *Head) carried(set *dataset.Set, carry map[string]string, w *gradient.Workers) (*dataset.Set, error) {
	inputs := slices.Sorted(maps.Keys(carry))
	var outputs []string
	axes := &gradient.Axes{Inputs: h.Look.Axes.Inputs, Outputs: maps.Clone(h.Look.Axes.Outputs), Single: h.Look.Axes.Single, Batch: h.Look.Axes.Batch}
	if axes.Batch > 1 {
		return nil, feedback.Mistake("Carry", "the model computes %d samples at a time, which cannot be a sequence", axes.Batch)
	}
	for _, in := range inputs {
		out := carry[in]
		if _, err := ChooseOutput(h.Model, out); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(h.Look.Inputs, func(i gradient.Input) bool { return i.Name == in }) {
			return nil, feedback.Mistake("Carry", "the model has no input %q", in)
		}
		outputs = append(outputs, out)
		axes.Outputs[out] = axes.Inputs[in]
	}
	session, err := gradient.NewSession(h.Model, gradient.Config{Workers: w, Outputs: outputs, Axes: axes}, 1)
	if err != nil {
		return nil, err
	}
	states := map[string]nd.Array{}
	now := map[string]nd.Array{}
	for i := range set.Len() {
		batch, err := set.Batch(i, i+1)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			for _, in := range inputs {
				shape := batch[in].Shape
				now[in] = nd.New(nd.Float32, shape...)
				states[in] = nd.New(nd.Float32, append([]int{set.Len()}, shape[1:]...)...)
			}
		}
		for _, in := range inputs {
			copy(states[in].Rows(i, i+1).Float32s(), now[in].Float32s())
			batch[in] = now[in]
		}
		next := map[string]nd.Array{}
		err = session.Forward(one(batch), func(_, _ int, values []nd.Array) error {
			for k, in := range inputs {
				if values[k].Len() != now[in].Len() {
					return feedback.Mistake("Carry", "output %q has shape %v, input %q has %v", outputs[k], values[k].Shape, in, now[in].Shape)
				}
				next[in] = nd.Of(slices.Clone(values[k].Float32s()), now[in].Shape...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		now = next
	}
	return set.WithInputs(states), nil
}

// one is a source of one sample.
type one map[string]nd.Array

func (one) Len() int { return 1 }

func (o one) Batch(_, _ int) (map[string]nd.Array, error) { return o, nil }
