package perturb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// HardenedOptions of Hardened.
type HardenedOptions struct {
	Options // MaxParams and Unbounded play no part
	// Budget is the share of the parameters that are changed; 0 means
	// DefaultBudget.
	Budget float64
	// Spread is the share of the budget that is spread over all layers at first; 0
	// means DefaultSpread. The rest goes to the first layers. Where that does not
	// reach the target, more is spread.
	Spread float64
}

// Defaults of HardenedOptions: DefaultBudget is a share of the parameters, DefaultSpread
// a share of the budget.
const (
	DefaultBudget = 0.05
	DefaultSpread = 0.1
)

// hardenedRounds is the number of rounds, each with a gradient. The last singleRounds of
// them lead a classifier to a single answer.
const (
	hardenedRounds = 20
	singleRounds   = 5
)

// Hardened changes many parameters, so that less is left to start from for somebody who
// has data but not the key. A change flips the sign of a weight, or reflects it about the
// middle of its tensor's range where the tensor has no signs, and stays inside the range.
// How much an attacker can repair depends on the budget (THREAT-MODEL.md, docs/method.md).
//
// Most of the budget goes to the first layers, one after the other. In a layer that it is
// enough for, every second weight is changed, at random, so that the signs tell nothing.
// In the next layer a quarter of the largest weights is changed. Later layers are of
// little use on other features than those they were trained on, so that an attacker has
// to train them anew as well.
//
// The rest is spread over all layers, in 20 rounds. Each round computes the gradient g of
// the task's objective at the present weights w and flips those whose first-order gain
// 2·g·w is largest. A tensor's share is proportional to the square root of its size. No
// weight is changed twice.
//
// An accuracy below chance would tell something about the labels. The last rounds
// therefore make a classifier that is at the target give its most frequent answer to all
// samples.
//
// The budget is used up even when the target is reached earlier. If the target is not
// reached, Hardened starts again with twice as much spread, and so on. If it is not reached with all of
// the budget spread, the error is a
// *TargetError. Equal samples and options give equal plans.
func Hardened(ctx context.Context, m *onnxio.Model, samples Samples, opt HardenedOptions) (*Result, error) {
	if opt.Budget == 0 {
		opt.Budget = DefaultBudget
	}
	if opt.Spread == 0 {
		opt.Spread = DefaultSpread
	}
	if !(opt.Budget > 0 && opt.Budget <= 1) {
		return nil, fmt.Errorf("a budget of %g of the parameters", opt.Budget)
	}
	if !(opt.Spread > 0 && opt.Spread <= 1) {
		return nil, fmt.Errorf("%g of a budget spread over all layers", opt.Spread)
	}
	for {
		r, err := harden(ctx, m, samples, opt)
		if !errors.Is(err, ErrTarget) || opt.Spread == 1 {
			return r, err
		}
		opt.Spread = min(2*opt.Spread, 1)
	}
}

func harden(ctx context.Context, m *onnxio.Model, samples Samples, opt HardenedOptions) (*Result, error) {
	s, err := newSearch(m, samples, opt.Options)
	if err != nil {
		return nil, err
	}
	h := &hardening{search: s, done: map[string][]bool{}, quota: map[string]int{}, answer: -1, budget: opt.Budget}
	h.total = int(opt.Budget * float64(s.weights.Len()))
	if h.divide(int(opt.Spread * float64(h.total))); h.total == 0 || len(h.quota) == 0 {
		return nil, &BudgetError{m.Path(), opt.Budget}
	}
	return h.run(ctx)
}

type hardening struct {
	*search
	done   map[string][]bool // elements that have been changed, by tensor
	budget float64           // the share of the parameters
	total  int               // changes that the budget allows
	spread int               // of them, those to be spread over all layers
	quota  map[string]int    // of these, those that are left, by tensor
	answer int               // that all samples are to get; -1 while the accuracy is to fall
}

// divide divides the changes that are spread among the layers.
func (h *hardening) divide(spread int) {
	h.spread = spread
	var roots float64
	for _, name := range h.layers() {
		roots += math.Sqrt(float64(h.size(name)))
	}
	for _, name := range h.layers() {
		size := h.size(name)
		h.done[name] = make([]bool, size)
		h.quota[name] = min(int(math.Ceil(float64(spread)*math.Sqrt(float64(size))/roots)), size/2)
	}
}

func (h *hardening) size(name string) int {
	a, _ := h.weights.Array(name)
	return a.Len()
}

func (h *hardening) run(ctx context.Context) (*Result, error) {
	if err := h.prepare(ctx); err != nil {
		return nil, err
	}
	h.front(h.total - h.spread)
	r := &h.result
	for round := range hardenedRounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left := min(h.spread, h.total-len(r.Changes))
		n := (left + hardenedRounds - round - 1) / (hardenedRounds - round)
		list, err := h.best(n)
		// Where answers are clear the sigmoid is flat: a higher temperature
		// brings samples back to its slope.
		for try := 0; err == nil && len(list) < n && try < 8; try++ {
			h.tau *= 2
			list, err = h.best(n)
		}
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			h.reflect(c.tensor, c.index)
			h.quota[c.tensor]--
			h.spread--
		}
		if err := h.aim(ctx, round); err != nil {
			return nil, err
		}
		h.report()
	}
	reached, err := h.locked(ctx)
	if err == nil && !reached {
		missed := h.missed(h.total)
		missed.Budget = h.budget
		err = missed
	}
	return r, err
}

// aim measures the model after a round. In the last rounds it chooses a single answer for
// a classifier that is at the target.
func (h *hardening) aim(ctx context.Context, round int) error {
	score, err := h.judge.Measure(ctx, h.samples, nil)
	h.note(score)
	if late := round+1 >= hardenedRounds-singleRounds; late && h.answer < 0 && score.Quality <= h.result.Target && h.opt.Task.Traits().Classes {
		h.answer = mostFrequent(score.Classes)
	}
	return err
}

// mostFrequent returns the first of the classes that are answered most often.
func mostFrequent(classes []task.Class) int {
	most := 0
	for k, c := range classes {
		if c.Answered > classes[most].Answered {
			most = k
		}
	}
	return most
}

// gradients returns the gradient, by the weights, of what the next changes are to lower.
func (h *hardening) gradients() (map[string][]float32, error) {
	objective := h.objective
	if h.answer >= 0 {
		objective = func(_, n int) gradient.Loss {
			wanted := nd.Of(slices.Repeat([]int64{int64(h.answer)}, n), n)
			return h.opt.Task.Objective(wanted, h.tau)
		}
	}
	_, grads, err := h.session.Gradients(h.calibration(), objective)
	h.result.GradientPasses++
	if h.answer >= 0 { // which is to become more frequent
		for _, g := range grads {
			for i := range g {
				g[i] = -g[i]
			}
		}
	}
	return grads, err
}

// best returns the n changes with the largest first-order gain within the quotas, or
// fewer if there are not as many.
func (h *hardening) best(n int) ([]candidate, error) {
	if n <= 0 {
		return nil, nil
	}
	grads, err := h.gradients()
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, name := range h.layers() {
		all = append(all, h.bestOf(name, grads[name], min(n, h.quota[name]))...)
	}
	return best(all, n), nil
}

// bestOf returns the n best changes of a tensor, by its gradient.
func (h *hardening) bestOf(name string, g []float32, n int) []candidate {
	if n <= 0 {
		return nil
	}
	a, _ := h.weights.Array(name)
	var top []candidate
	worst := 0.0
	for i, w := range a.Float32s()[:len(g)] {
		if g[i] == 0 || h.done[name][i] {
			continue
		}
		bits, value, ok := h.reflected(name, i)
		if gain := float64(g[i]) * (float64(w) - float64(value)); ok && gain > worst && !math.IsInf(gain, 0) {
			top = append(top, candidate{site{name, i}, bound{value, bits}, gain})
		}
		if len(top) >= 4*n+256 {
			top = best(top, n)
			worst = top[n-1].gain
		}
	}
	return best(top, n)
}
