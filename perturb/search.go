package perturb

import (
	"cmp"
	"context"
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// Samples are labelled data to search with. dataset.Set is one.
type Samples = task.Samples

// Options of Search. The zero value searches for changes that bring a classifier to chance:
// at most 128, or MostChanges if these are not enough.
type Options struct {
	// Output names the output with the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means classification. Where this package
	// speaks of accuracy, other tasks have their quality (task.Score).
	Task task.Task
	// Outlook is what task.Look found for Output; nil means that Search looks.
	Outlook *task.Outlook
	// Target is the accuracy to reach, between 0 and 1; 0 means chance: the accuracy of
	// answers as frequent as the locked model's, given at random.
	Target float64
	// MaxParams bounds the number of changed parameters; 0 means 128, and then, if these are made
	// and there is work left, MostChanges.
	MaxParams int
	// EveryAnswer says that the answers but the most frequent ones count as well: a model that
	// chooses among classes is no better without these than blind answers (task.Rest). The search
	// then needs more changes. Other tasks give a *NoAnswersError.
	EveryAnswer bool
	// Allow says which initializers may be changed; nil means all.
	Allow func(name string) bool
	// Unbounded lets values leave the range of their tensor by half its width.
	Unbounded bool
	// Calibration is the number of samples that choose changes. Gradients are computed on the
	// first half of them. 0 means task.Calibration, 256 for classifiers. All samples decide
	// when the search stops.
	Calibration int
	// Start are changes that are made before the search begins. They stay, and are not
	// part of the result.
	Start []Change
	// Beam is the width of the beam search over sets of changes; 0 means 1, a greedy
	// search. A wider beam takes that many times as long and finds changes that only
	// work together.
	Beam int
	// Workers are the threads to compute on; nil means one thread.
	Workers *gradient.Workers
	// Progress, if not nil, is called after every change, and on the way to it.
	Progress func(Progress)
}

// Progress is how far a search has come.
type Progress struct {
	Changed  int     // parameters
	Reached  bool    // these changes are a lock: at the target on all samples, whatever the answers are called
	Accuracy float64 // or quality, as of the last measurement
	Target   float64 // accuracy or quality to reach
	Before   float64 // accuracy or quality of the original
	Work     float64 // the share of the work that the search may take which is done
}

// Result is the outcome of a search.
type Result struct {
	Plan
	Total   int // parameters of the model
	Samples int
	// Before and Locked are what the model's outputs are worth on all samples, before
	// and after the changes.
	Before, Locked task.Score
	Target         float64 // the quality to reach
	GradientPasses int     // over the calibration samples
	Evaluations    int     // of single candidates
	// Work is the work of the whole search, in runs of the model over all samples.
	Work float64
}

// Search finds few parameters whose change makes a model useless: it brings the accuracy
// on the samples down to the target. Each round
//
//  1. computes the gradient of the task's objective on the calibration samples,
//  2. scores every parameter by gradient × step, where the step goes to the minimum or
//     the maximum of its tensor, whichever lowers the objective (AdvParams),
//  3. evaluates the best candidates by that first-order score with forward passes, and
//     keeps the one that lowers the objective most.
//
// For classifiers, changes of the last layer alone that lead to a single answer compete
// with these rounds, and the shorter list wins. Search then exchanges changes, and tries
// another objective, as long as that gives fewer of them and is worth the work. Finally it
// undoes changes that are not needed and moves values off the ends of their ranges.
//
// Search leaves m as it is. Equal samples and options give equal plans.
//
// A search whose context has no deadline may take the work of ten runs over the samples, of
// which fewer than 256 count as that many, and 10¹² multiply-adds.
//
// If the target is not reached the error is a *TargetError and the Result says
// how far the search came. A search whose ctx ends returns the best changes so far. If they
// are at the target, there is no error. If ctx ended before the model was measured as it
// came, the Result is nil.
func Search(ctx context.Context, m *onnxio.Model, samples Samples, opt Options) (*Result, error) {
	s, err := newSearch(m, samples, opt)
	if err != nil {
		return nil, err
	}
	r, err := (&minimal{search: s, without: study.Of(ctx)}).run(ctx)
	s.result.Work = float64(s.meter.Work()) / float64(max(s.once, 1))
	return r, err
}

type search struct {
	model   *onnxio.Model
	opt     Options
	samples Samples
	weights *gradient.Weights
	bounds  map[string]bounds // of the tensors that may be changed
	judge   *task.Evaluator   // measures the present weights on all samples
	last    *lastLayer        // of the model as it came; nil if not wanted or not linear
	tau     float64           // scale of the objective
	meter   *gradient.Meter   // of all that is computed
	reserve int               // changes that may be made if the usual number is not enough
	first   task.Score        // of the intact model on about the calibration samples, to compare rounding with
	once    int64             // work of running the model over all samples
	work    float64           // that the search may take
	fair    task.Score        // on samples that played no part in choosing changes, as last measured

	changed map[site]bool
	result  Result
}

// site is the place of a parameter.
type site struct {
	tensor string
	index  int
}

func newSearch(m *onnxio.Model, samples Samples, opt Options) (*search, error) {
	boundless := opt.MaxParams == 0
	opt.MaxParams = cmp.Or(opt.MaxParams, usualChanges)
	opt.Beam = max(opt.Beam, 1)
	if opt.Task == nil {
		opt.Task = task.Classification{}
	}
	if samples.Len() == 0 || task.Truth(samples, 0, 1).Data == nil {
		return nil, fmt.Errorf("the search needs labelled samples: %w", task.ErrNoLabels)
	}
	if err := checkNumber(samples); err != nil {
		return nil, err
	}
	if opt.Outlook == nil {
		outlook, err := task.Look(m, opt.Output)
		if err != nil {
			return nil, err
		}
		opt.Outlook = &outlook
	}
	opt.Task = task.For(opt.Task, *opt.Outlook)
	if opt.EveryAnswer {
		every, ok := task.EveryAnswer(opt.Task)
		if !ok {
			return nil, &NoAnswersError{opt.Task.Name()}
		}
		opt.Task = every
	}
	if t, ok := opt.Task.(task.Outputs); ok {
		opt.Task = t.Fitted(task.Truth(samples, 0, samples.Len()))
	}
	if opt.Calibration == 0 {
		opt.Calibration = task.Calibration(opt.Task, *opt.Outlook, task.Truth(samples, 0, 1))
		if opt.Task.Traits().AllOutputs { // many numbers are easily fitted: half of the samples judge
			opt.Calibration = max(minAnswers, min(opt.Calibration, samples.Len()/2))
		}
		if t := opt.Task.Traits(); !t.AllOutputs && !t.NextTokens { // a few samples are easily fitted, too
			opt.Calibration = max(1, min(opt.Calibration, mostChosen(samples.Len())))
		}
		if opt.Task.Traits().NextTokens { // each sample has many answers, of which others judge
			opt.Calibration = max(1, min(opt.Calibration, max(mostTokens/answersOf(samples), 1), (samples.Len()+1)/2))
		}
	}
	started := map[string]bool{}
	for _, c := range opt.Start {
		started[c.Tensor] = true
	}
	weights, err := gradient.LoadWeightsToChange(m, func(name string) bool {
		return started[name] || opt.Allow == nil || opt.Allow(name)
	})
	if err != nil {
		return nil, err
	}
	s := &search{
		model: m, opt: opt, samples: samples, weights: weights, meter: new(gradient.Meter), reserve: opt.MaxParams,
		bounds:  map[string]bounds{},
		changed: map[site]bool{},
	}
	structure := map[string]bool{}
	for _, p := range m.Parameters() {
		structure[p.Name] = !p.Trained
	}
	for _, name := range unread(m) {
		structure[name] = true // to change it changes nothing
	}
	for _, name := range weights.Names() {
		init := m.Weight(name)
		if weights.Scale(name) || init.Editable() != nil || structure[name] || opt.Allow != nil && !opt.Allow(name) {
			continue
		}
		a, _ := weights.Array(name)
		if init.Floating() && Constant(init, a.Float32s()) != "" {
			continue
		}
		if b, ok := boundsOf(init, a.Float32s(), opt.Unbounded); ok {
			s.bounds[name] = b
		}
	}
	if len(s.bounds) == 0 {
		return nil, &NoCandidatesError{m.Path()}
	}
	for _, c := range opt.Start {
		a, _ := weights.Array(c.Tensor)
		a.Float32s()[c.Index] = m.Weight(c.Tensor).Decode(c.New)
		s.changed[site{c.Tensor, c.Index}] = true
	}
	s.result.Total = weights.Len()
	if boundless {
		s.reserve = MostChanges(s.result.Total)
	}
	s.result.Samples = samples.Len()
	return s, nil
}

// unread returns the initializers of the main graph that no output is computed from.
func unread(m *onnxio.Model) (names []string) {
	g := m.Proto().GetGraph()
	var outputs []string
	for _, o := range g.GetOutput() {
		outputs = append(outputs, o.GetName())
	}
	needed := gradient.Needed(g, outputs...)
	for _, init := range m.Initializers() {
		if !needed[init.Name] {
			names = append(names, init.Name)
		}
	}
	return names
}

// locked measures the model with the present weights and reports whether it is at the
// target.
func (s *search) locked(ctx context.Context) (bool, error) {
	score, err := s.judge.Measure(ctx, s.samples, nil)
	s.note(score)
	return score.Quality <= s.result.Target, err
}

// note records the score that the model has now.
func (s *search) note(score task.Score) {
	s.result.Locked, s.result.Target = score, s.targetFor(score)
}

// targetFor returns the accuracy that a model with this score has to reach.
func (s *search) targetFor(score task.Score) float64 {
	if s.opt.Target != 0 {
		return s.opt.Target
	}
	return score.Useless()
}

// missed returns the error of a search that did not reach the target with at most
// limit changes.
func (s *search) missed(limit int) *TargetError {
	r := &s.result
	e := &TargetError{Measure: s.opt.Task.Traits().Quality, Reached: r.Locked.Quality, Target: r.Target, Changed: len(r.Changes), Max: limit}
	if e.Reached <= e.Target {
		if target := s.targetFor(s.fair); s.fair.Quality > target {
			e.Held, e.HeldTarget = s.fair.Quality, target
		}
		if r.Locked.Translated > translatable && s.opt.Target == 0 {
			e.Renamed = r.Locked.Translated
		}
		if s.opt.EveryAnswer && r.Locked.Rest.Beyond > translatable {
			e.Rest = r.Locked.Rest.Accuracy
		}
	}
	return e
}

// report tells how far the search has come, and whether the present changes are a lock.
func (s *search) report(reached bool) {
	if s.opt.Progress != nil {
		s.opt.Progress(Progress{Changed: len(s.result.Changes), Reached: reached, Accuracy: s.result.Locked.Quality, Target: s.result.Target, Before: s.result.Before.Quality, Work: s.share()})
	}
}
