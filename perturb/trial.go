package perturb

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// head is the first n samples of a source.
type head struct {
	Samples
	n int
}

func (h head) Len() int { return h.n }

// trial measures what single changes do to the objective on some samples, with
// all values of the model kept in memory, so that only what lies behind the
// changed parameter is computed again.
type trial struct {
	program *gradient.Program
	task    task.Task
	truth   nd.Array
	loss    gradient.Loss
	now     float64    // the objective as things are
	score   task.Score // as things are
}

// newTrial computes the objective on the samples, as one batch where the model
// lets it.
func newTrial(m *onnxio.Model, cfg gradient.Config, samples head, kind task.Task, tau float64) (*trial, error) {
	cfg.Keep = true
	n := samples.n
	if fixed, err := fixedBatch(m); err != nil {
		return nil, err
	} else if fixed > 0 {
		n = min(n, fixed)
	}
	batch, err := samples.Batch(0, n)
	if err != nil {
		return nil, err
	}
	cfg.Shapes = map[string][]int{}
	for name, a := range batch {
		cfg.Shapes[name] = a.Shape
	}
	t := &trial{task: kind, truth: task.Truth(samples.Samples, 0, n)}
	t.loss = kind.Objective(t.truth, tau)
	if t.program, err = gradient.Compile(m, cfg); err != nil {
		return nil, err
	}
	outputs, err := t.program.Forward(batch)
	if err != nil {
		return nil, err
	}
	return t, t.settle(outputs)
}

// settle takes over outputs as the present state.
func (t *trial) settle(outputs []nd.Array) (err error) {
	tally := t.task.NewTally()
	if err := tally.Add(outputs, t.truth); err != nil {
		return err
	}
	t.score = tally.Score()
	t.now, err = t.loss(outputs, nil)
	return err
}

// fixedBatch returns the batch size that a model insists on, or 0.
func fixedBatch(m *onnxio.Model) (int, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return 0, err
	}
	for _, in := range inputs {
		if len(in.Shape) > 0 && in.Shape[0] > 0 {
			return in.Shape[0], nil
		}
	}
	return 0, nil
}

// refresh takes over a change of a tensor.
func (t *trial) refresh(tensor string) error {
	outputs, err := t.program.Refresh(tensor)
	if err != nil {
		return err
	}
	return t.settle(outputs)
}

// measure replaces each candidate's gain by the fall of the objective that it
// really brings.
func (t *trial) measure(list []candidate) error {
	for i := range list {
		c := &list[i]
		outputs, err := t.program.Try(c.tensor, c.index, c.value)
		if err != nil {
			return err
		}
		objective, err := t.loss(outputs, nil)
		if err != nil {
			return err
		}
		c.gain = t.now - objective
	}
	return nil
}
