package perturb

import (
	"context"
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// config returns what the configurations of all programs have in common.
func (s *search) config() gradient.Config {
	traits, look := s.opt.Task.Traits(), s.opt.Outlook
	cfg := gradient.Config{Weights: s.weights, Workers: s.opt.Workers, Meter: s.meter, Logits: traits.Logits, Unsquashed: traits.Unsquashed, Raw: traits.Raw, Axes: look.Axes}
	cfg.Outputs = look.Outputs(s.opt.Task)
	return cfg
}

// calibration returns the samples that choose changes.
func (s *search) calibration() head {
	return head{s.samples, min(s.opt.Calibration, s.samples.Len())}
}

// examine measures the model as it came. With features it also keeps the inputs of the
// last layer, for collapse.
func (s *search) examine(ctx context.Context, features bool) error {
	cfg := s.config()
	cfg.Features = features
	session, err := gradient.NewSession(s.model, cfg, task.Batch(*s.opt.Outlook, task.Truth(s.samples, 0, 1), judgeBatch))
	if err != nil {
		return err
	}
	s.judge = &task.Evaluator{Task: s.opt.Task, Session: session}
	tally, first := s.opt.Task.NewTally(), s.opt.Task.NewTally()
	s.last, err = s.visited(ctx, func(e task.Evaluation) error {
		if gradient.CanRound() && (e.Lo == 0 || e.Lo+e.N <= s.calibration().n) {
			if err := first.Add(e.Outputs, e.Truth); err != nil {
				return err
			}
		}
		return tally.Add(e.Outputs, e.Truth)
	})
	if err != nil {
		return err
	}
	if gradient.CanRound() {
		s.first = first.Score()
	}
	s.once = max(s.meter.Work(), 1)
	s.work = s.budget()
	if _, limited := ctx.Deadline(); limited {
		s.work = math.Inf(1)
	}
	s.tau = tally.Scale()
	if t, ok := s.opt.Task.(task.Scaler); ok {
		s.opt.Task = t.Scaled(tally)
	}
	s.note(tally.Score())
	s.result.Before = s.result.Locked
	return s.plausible(s.result.Before)
}

// visited runs the model with the present weights on all samples. It returns the last layer
// with its inputs; nil if the layer is not linear or not wanted.
func (s *search) visited(ctx context.Context, visit func(task.Evaluation) error) (*lastLayer, error) {
	l := &lastLayer{n: s.samples.Len()}
	err := s.judge.Each(ctx, s.samples, 0, func(e task.Evaluation) (bool, error) {
		if head, ok := s.judge.Session.Head(); ok {
			l.head = head
			l.add(e, s.samples.Len())
		}
		return true, visit(e)
	})
	if err != nil || l.width == 0 || l.count()*l.width != len(l.features) {
		return nil, err
	}
	return l, nil
}

// differentiated returns a configuration with gradients by all tensors that may change.
func (s *search) differentiated() gradient.Config {
	cfg := s.config()
	cfg.Gradients = func(name string) bool { _, ok := s.bounds[name]; return ok }
	return cfg
}

// answersOf returns the number of answers that a sample has.
func answersOf(samples Samples) int { return max(1, task.Truth(samples, 0, 1).Len()) }

// mostTokens is the number of tokens that are enough to choose changes by.
const mostTokens = 1 << 13

// judgeBatch is the number of samples that the judge computes at a time.
const judgeBatch = 128

// uncertainty returns how far the quality on n samples may be from that on all: two standard
// deviations of a share, and three for qualities that are no shares of the samples.
func (s *search) uncertainty(quality float64, n int) float64 {
	deviations := 3.0
	if s.opt.Task.Traits().Classes {
		deviations = 2
	}
	quality = min(max(quality, 0.05), 0.95)
	return deviations * math.Sqrt(quality*(1-quality)/float64(n))
}

// head is the first n samples of a source.
type head struct {
	Samples
	n int
}

func (h head) Len() int { return h.n }

// Truth is that of the source.
func (h head) Truth(lo, hi int) nd.Array { return task.Truth(h.Samples, lo, hi) }
