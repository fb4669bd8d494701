package perturb

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// judge measures what the model is worth on all samples.
type judge struct {
	session *gradient.Session
	samples Samples
	task    task.Task
	scale   float64 // of the outputs of the model as it came; 0: not measured yet
}

// judgeBatch is the number of samples computed at a time.
const judgeBatch = 256

func newJudge(m *onnxio.Model, cfg gradient.Config, samples Samples, t task.Task, batch int) (*judge, error) {
	session, err := gradient.NewSession(m, cfg, batch)
	if err != nil {
		return nil, err
	}
	return &judge{session: session, samples: samples, task: t}, nil
}

// measure runs the model on all samples.
func (j *judge) measure() (task.Score, error) {
	tally := j.task.NewTally()
	err := j.session.Forward(j.samples, func(lo, n int, outputs []nd.Array) error {
		return tally.Add(outputs, task.Truth(j.samples, lo, lo+n))
	})
	if err == nil && j.scale == 0 {
		j.scale = tally.Scale()
	}
	return tally.Score(), err
}
