package perturb

import (
	"errors"
	"math"

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
	scale   float64    // of the outputs of the model as it came; 0: not measured yet
	last    *lastLayer // of the model as it came, if it was asked for and is linear
}

// judgeBatch is the number of samples computed at a time.
const judgeBatch = 128

func newJudge(m *onnxio.Model, cfg gradient.Config, samples Samples, t task.Task, batch int) (*judge, error) {
	session, err := gradient.NewSession(m, cfg, batch)
	if err != nil {
		return nil, err
	}
	return &judge{session: session, samples: samples, task: t}, nil
}

// intact measures the model as it came.
func (j *judge) intact() (task.Score, error) {
	tally := j.task.NewTally()
	l := &lastLayer{n: j.samples.Len()}
	err := j.session.Forward(j.samples, func(lo, n int, outputs []nd.Array) error {
		if head, ok := j.session.Head(); ok {
			l.head = head
			l.add(outputs[len(outputs)-1], n)
		}
		return tally.Add(outputs, task.Truth(j.samples, lo, lo+n))
	})
	if err != nil {
		return task.Score{}, err
	}
	if l.n*l.width == len(l.features) && l.width > 0 {
		j.last = l
	}
	j.scale = tally.Scale()
	return tally.Score(), nil
}

// measure runs the model on all samples.
func (j *judge) measure() (task.Score, error) {
	tally := j.task.NewTally()
	err := j.each(0, func(outputs []nd.Array, truth nd.Array) (bool, error) {
		return true, tally.Add(outputs, truth)
	})
	return tally.Score(), err
}

// errEnough ends a measurement early.
var errEnough = errors.New("enough was seen")

// each runs the model on the samples from one on, batch by batch, as long as f
// wants more.
func (j *judge) each(from int, f func(outputs []nd.Array, truth nd.Array) (more bool, err error)) error {
	err := j.session.Forward(tail{j.samples, from}, func(lo, n int, outputs []nd.Array) error {
		more, err := f(outputs, task.Truth(j.samples, from+lo, from+lo+n))
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// tail is the samples of a source from one on.
type tail struct {
	gradient.Source
	from int
}

func (t tail) Len() int { return t.Source.Len() - t.from }

func (t tail) Batch(lo, hi int) (map[string]nd.Array, error) {
	return t.Source.Batch(t.from+lo, t.from+hi)
}

// uncertainty is three standard deviations of a share measured on n samples.
func uncertainty(share float64, n int) float64 {
	share = min(max(share, 0.05), 0.95)
	return 3 * math.Sqrt(share*(1-share)/float64(n))
}
