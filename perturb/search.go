package perturb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// ErrTarget is wrapped when the accuracy did not fall to the target within the
// budget.
var ErrTarget = errors.New("the target accuracy was not reached")

// Samples are labelled data to search with. dataset.Set is one.
type Samples = task.Samples

// Options of Search. The zero value is a search to chance within 128 parameters,
// for a classifier.
type Options struct {
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means classification. For other tasks
	// accuracy stands for their quality (task.Score).
	Task task.Task
	// Target is the accuracy to reach, between 0 and 1; 0 means chance: what
	// answers as frequent as the locked model's, but given blindly, would reach.
	Target float64
	// MaxParams bounds the number of changed parameters; 0 means 128.
	MaxParams int
	// Allow says which initializers may be changed; nil means all.
	Allow func(name string) bool
	// Unbounded lets values leave their tensor's own range by half its width.
	Unbounded bool
	// Calibration is the number of samples that gradients are computed on; 0
	// means 256, or fewer where each has many answers. All samples serve to decide when to stop.
	Calibration int
	// Workers compute; nil means one thread.
	Workers *kernel.Workers
	// Progress, if not nil, is called after every change.
	Progress func(Progress)
}

// Progress is how far a search has come.
type Progress struct {
	Changed  int     // parameters
	Accuracy float64 // on all samples
	Target   float64
}

// Result is the outcome of a search.
type Result struct {
	Plan
	Total          int // parameters of the model
	Samples        int
	Before, Locked float64 // accuracy on all samples
	Target         float64
	Intact, Broken task.Score // on all samples, the model before and locked
	GradientPasses int        // over the calibration samples
	Evaluations    int        // of single candidates
}

// Search finds few parameters whose change makes the model useless: it brings
// the accuracy on the samples down to the target. Each round it
//
//  1. computes the gradient of the soft accuracy on the calibration samples,
//  2. scores every parameter by gradient × step, the step going to its tensor's
//     own minimum or maximum, whichever lowers the objective (AdvParams),
//  3. tries the best by that first-order score for real, forward only, and
//     keeps the one that does the most harm.
//
// At the end changes that turn out not to be needed are taken back. The model
// in memory is left as it was. Equal samples and options give equal plans.
//
// If the target is not reached the error wraps ErrTarget and the Result says
// how far the search came.
func Search(ctx context.Context, m *onnxio.Model, samples Samples, opt Options) (*Result, error) {
	s, err := newSearch(m, samples, opt)
	if err != nil {
		return nil, err
	}
	return s.run(ctx)
}

type search struct {
	model   *onnxio.Model
	opt     Options
	samples Samples
	weights *gradient.Weights
	bounds  map[string]bounds // of the tensors that may be changed
	session *gradient.Session // gradients on the calibration samples
	judge   *judge            // accuracy on all samples
	outlook task.Outlook
	tau     float64 // scale of the objective

	coarse, fine *trial // candidates are tried on few samples first

	changed map[site]bool
	result  Result
}

// site is the place of a parameter.
type site struct {
	tensor string
	index  int
}

func newSearch(m *onnxio.Model, samples Samples, opt Options) (*search, error) {
	if opt.MaxParams == 0 {
		opt.MaxParams = 128
	}
	if opt.Task == nil {
		opt.Task = task.Classification{}
	}
	if samples.Len() == 0 || task.Truth(samples, 0, 1).Data == nil {
		return nil, hint.With(errors.New("the search needs labelled samples"), "add labels to the data, or use the model's own answers")
	}
	outlook, err := task.Look(m, opt.Output)
	if err != nil {
		return nil, err
	}
	if opt.Calibration == 0 {
		opt.Calibration = task.Calibration(outlook, task.Truth(samples, 0, 1), 256)
	}
	weights, err := gradient.LoadWeights(m)
	if err != nil {
		return nil, err
	}
	s := &search{
		model: m, opt: opt, samples: samples, weights: weights, outlook: outlook,
		bounds:  map[string]bounds{},
		changed: map[site]bool{},
	}
	for _, name := range weights.Names() {
		init := m.Lookup(name)
		if weights.Scale(name) || init.Editable() != nil || opt.Allow != nil && !opt.Allow(name) {
			continue
		}
		a, _ := weights.Array(name)
		if b, ok := boundsOf(init, a.Float32s(), opt.Unbounded); ok {
			s.bounds[name] = b
		}
	}
	if len(s.bounds) == 0 {
		return nil, hint.With(fmt.Errorf("%s: no initializer may be changed", m.Path()), "check --include and --exclude")
	}
	s.result.Total = weights.Len()
	s.result.Samples = samples.Len()
	return s, nil
}

func (s *search) run(ctx context.Context) (*Result, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	if err := s.prepareTrials(); err != nil {
		return nil, err
	}
	limit := s.opt.MaxParams
	collapse, err := s.collapse(limit)
	if err != nil {
		return nil, err
	}
	if collapse != nil {
		limit = len(collapse) - 1 // more would not be better
	}
	reached, err := s.greedy(ctx, limit)
	if err != nil {
		return nil, err
	}
	if !reached && collapse != nil {
		if reached, err = s.replace(collapse); err != nil {
			return nil, err
		}
	}
	if !reached {
		if _, err := s.locked(); err != nil {
			return nil, err
		}
		return &s.result, hint.With(fmt.Errorf("%w: accuracy %.4f with %d parameters changed, target %.4f", ErrTarget, s.result.Locked, len(s.result.Changes), s.result.Target),
			"raise --max-params or --target-accuracy")
	}
	return &s.result, s.prune()
}

// greedy adds the best single change until the target is reached.
func (s *search) greedy(ctx context.Context, limit int) (reached bool, err error) {
	for s.result.Locked > s.result.Target {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if len(s.result.Changes) >= limit {
			return false, nil
		}
		best, err := s.round()
		if errors.Is(err, errNoCandidate) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := s.apply(best); err != nil {
			return false, err
		}
		if err := s.estimate(0.1); err != nil {
			return false, err
		}
		s.report()
	}
	return true, nil
}

// estimate takes the accuracy on the calibration samples for that on all if it
// is further than a margin from the target.
func (s *search) estimate(margin float64) error {
	s.note(s.fine.score)
	if s.result.Locked > s.result.Target+margin {
		return nil
	}
	_, err := s.locked()
	return err
}

// replace takes all changes back and makes others instead.
func (s *search) replace(list []candidate) (reached bool, err error) {
	for _, c := range slices.Backward(s.result.Changes) {
		if err := s.restore(c); err != nil {
			return false, err
		}
	}
	s.result.Changes = nil
	clear(s.changed)
	for _, c := range list {
		if err := s.apply(c); err != nil {
			return false, err
		}
	}
	defer s.report()
	return s.locked()
}

// locked measures the model as it is and reports whether it is at the target.
func (s *search) locked() (bool, error) {
	score, err := s.judge.measure()
	s.note(score)
	s.result.Broken = score
	return s.result.Locked <= s.result.Target, err
}

// note takes over what the model is worth now.
func (s *search) note(score task.Score) {
	s.result.Locked, s.result.Target = score.Quality, s.targetFor(score)
}

// targetFor returns the accuracy to reach by a model that answers like this.
func (s *search) targetFor(score task.Score) float64 {
	if s.opt.Target != 0 {
		return s.opt.Target
	}
	return score.Useless()
}

func (s *search) report() {
	if s.opt.Progress != nil {
		s.opt.Progress(Progress{Changed: len(s.result.Changes), Accuracy: s.result.Locked, Target: s.result.Target})
	}
}

// config is what all programs of the search have in common.
func (s *search) config() gradient.Config {
	cfg := gradient.Config{Weights: s.weights, Workers: s.opt.Workers, Logits: s.opt.Task.Logits()}
	if s.opt.Output != "" {
		cfg.Outputs = []string{s.opt.Output}
	}
	return cfg
}

// calibration are the samples that gradients are computed on.
func (s *search) calibration() head {
	return head{s.samples, min(s.opt.Calibration, s.samples.Len())}
}

// prepare compiles what gradients and accuracies are computed with, and measures
// the model as it is.
func (s *search) prepare() (err error) {
	cfg := s.config()
	if s.judge, err = newJudge(s.model, cfg, s.samples, s.opt.Task, task.Batch(s.outlook, task.Truth(s.samples, 0, 1), judgeBatch)); err != nil {
		return err
	}
	if _, err = s.locked(); err != nil {
		return err
	}
	s.result.Before, s.result.Intact = s.result.Locked, s.result.Broken
	if useless := s.result.Intact; !task.IsClassification(s.opt.Task) && useless.Quality <= useless.Useless() {
		return hint.With(fmt.Errorf("%s: as it is, the model is worth nothing for the task %s: %v", s.model.Path(), s.opt.Task.Name(), useless.Metrics),
			"check that labels and preprocessing are those it was trained with, and --task")
	}
	s.tau = s.judge.scale
	cfg.Gradients = func(name string) bool { _, ok := s.bounds[name]; return ok }
	s.session, err = gradient.NewSession(s.model, cfg, s.calibration().n)
	return err
}

// prepareTrials compiles what single candidates are tried with.
func (s *search) prepareTrials() (err error) {
	all := s.calibration()
	if s.coarse, err = newTrial(s.model, s.config(), head{s.samples, min(64, all.n)}, s.opt.Task, s.tau); err != nil {
		return err
	}
	s.fine, err = newTrial(s.model, s.config(), all, s.opt.Task, s.tau)
	return err
}

// apply makes a change permanent.
func (s *search) apply(c candidate) error {
	old := s.model.Lookup(c.tensor).Bits(c.index)
	s.result.Changes = append(s.result.Changes, Change{c.tensor, c.index, old, s.bounds[c.tensor].bitsOf(c.value)})
	s.changed[c.site] = true
	return s.set(c.site, c.value)
}

// set writes a parameter and brings everything computed from it up to date.
func (s *search) set(at site, value float32) error {
	a, _ := s.weights.Array(at.tensor)
	a.Float32s()[at.index] = value
	return errors.Join(s.coarse.refresh(at.tensor), s.fine.refresh(at.tensor))
}

// restore gives a parameter its original value.
func (s *search) restore(c Change) error {
	return s.set(site{c.Tensor, c.Index}, s.model.Lookup(c.Tensor).Decode(c.Old))
}

// prune takes back changes, the oldest first, without which the model is as bad.
func (s *search) prune() error {
	for i := 0; i < len(s.result.Changes) && len(s.result.Changes) > 1; {
		c := s.result.Changes[i]
		a, _ := s.weights.Array(c.Tensor)
		value, broken := a.Float32s()[c.Index], s.result.Broken
		if err := s.restore(c); err != nil {
			return err
		}
		if err := s.estimate(0.05); err != nil {
			return err
		}
		if s.result.Locked <= s.result.Target {
			s.result.Changes = slices.Delete(s.result.Changes, i, i+1)
			continue
		}
		s.note(broken)
		s.result.Broken = broken
		if err := s.set(site{c.Tensor, c.Index}, value); err != nil {
			return err
		}
		i++
	}
	return nil
}
