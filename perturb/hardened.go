package perturb

import (
	"context"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/internal/swaps"
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
	// Spread is the part of the budget that is spread over all layers; 0 means
	// DefaultSpread. The rest goes to the first layers.
	Spread float64
}

// DefaultBudget is the share of the parameters that Hardened changes when it is
// not told otherwise, DefaultSpread the part of them that is spread.
const (
	DefaultBudget = 0.05
	DefaultSpread = 0.1
)

// hardenedRounds is the number of gradients taken, singleRounds of them to come
// to a single answer.
const (
	hardenedRounds = 20
	singleRounds   = 5
)

// Hardened changes many parameters, so that less is left to start from for
// somebody who has data but not the key. A change exchanges values within a
// tensor: the values of every tensor stay the same as a whole, so that nothing
// of its distribution shows that something was done. How much repair that leaves
// depends on the budget (THREAT-MODEL.md, docs/method.md).
//
// Most of the budget goes to the first layers, one after the other: a layer that
// fits into it is shuffled as a whole, so that nothing is left of it but its
// values; of the next as much is exchanged as there is budget for. What the
// layers behind have learnt is of little use on other features than those that
// they were trained on, so that an attacker has to train them anew as well.
//
// The rest is spread over all layers, in 20 rounds: each takes the gradient g of
// the soft accuracy at the weights as they are by then, and exchanges the pairs
// whose first-order gain (gᵢ-gⱼ)·(wᵢ-wⱼ) is largest. A tensor's part is
// proportional to the square root of its size. No weight is moved twice.
//
// Less accuracy than chance would be information about the labels: the last
// rounds therefore make a model that is at the target give its most frequent
// answer to all.
//
// The budget is used up even when the target is reached before. If the target is
// not reached with it, the error wraps ErrTarget. Equal samples and options give equal plans.
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
	s, err := newSearch(m, samples, opt.Options)
	if err != nil {
		return nil, err
	}
	h := &hardening{search: s, answer: -1}
	h.divide(opt.Budget, opt.Spread)
	if h.left = sum(h.quota); h.left == 0 && len(h.parts) == 0 {
		return nil, hint.With(fmt.Errorf("%s: a budget of %g %% leaves no weights to exchange", m.Path(), 100*opt.Budget), "raise --budget")
	}
	return h.run(ctx)
}

type hardening struct {
	*search
	parts  []part         // to shuffle
	quota  map[string]int // pairs that may still be exchanged, by tensor
	left   int            // in all
	answer int            // that all samples are to get; -1 as long as accuracy is to fall
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func (h *hardening) run(ctx context.Context) (*Result, error) {
	if err := h.prepare(); err != nil {
		return nil, err
	}
	h.shuffle()
	r := &h.result
	for round := range hardenedRounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := (h.left + hardenedRounds - round - 1) / (hardenedRounds - round)
		pairs, err := h.best(n)
		// Where answers are clear the sigmoid is flat: a higher temperature
		// brings samples back to its slope.
		for try := 0; err == nil && len(pairs) < n && try < 8; try++ {
			h.tau *= 2
			pairs, err = h.best(n)
		}
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			h.exchange(p)
		}
		if err := h.aim(round); err != nil {
			return nil, err
		}
		h.report()
	}
	reached, err := h.locked()
	if err == nil && !reached {
		err = hint.With(fmt.Errorf("%w: %s %.4f with %d parameters changed, target %.4f", ErrTarget, h.measure(), r.Locked, len(r.Changes), r.Target),
			"raise --budget or --target-accuracy")
	}
	return r, err
}

// aim measures the model after a round, and towards the end turns to a single
// answer.
func (h *hardening) aim(round int) error {
	score, err := h.judge.measure()
	h.note(score)
	if late := round+1 >= hardenedRounds-singleRounds; late && h.answer < 0 && h.result.Locked <= h.result.Target && task.IsClassification(h.opt.Task) {
		h.answer = slices.Index(score.Answered, slices.Max(score.Answered))
	}
	return err
}

// gradients returns what the next exchanges are to lower, by the weights.
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

// best returns the n exchanges with the largest first-order gain within the
// quotas; fewer if there are not as many.
func (h *hardening) best(n int) ([]swaps.Pair, error) {
	grads, err := h.gradients()
	if err != nil {
		return nil, err
	}
	var tensors []swaps.Tensor
	for _, name := range h.weights.Names() {
		a, _ := h.weights.Array(name)
		tensors = append(tensors, swaps.Tensor{
			Name: name, Weights: a.Float32s(), Grad: grads[name], Quota: h.quota[name],
			Fixed: func(i int) bool { return h.changed[site{name, i}] },
		})
	}
	return swaps.Best(tensors, n), nil
}

// exchange swaps two elements.
func (h *hardening) exchange(p swaps.Pair) {
	a, _ := h.weights.Array(p.Tensor)
	w := a.Float32s()
	w[p.I], w[p.J] = w[p.J], w[p.I]
	init := h.model.Lookup(p.Tensor)
	x, y := init.Bits(p.I), init.Bits(p.J)
	h.result.Changes = append(h.result.Changes, Change{p.Tensor, p.I, x, y}, Change{p.Tensor, p.J, y, x})
	h.changed[site{p.Tensor, p.I}], h.changed[site{p.Tensor, p.J}] = true, true
	h.quota[p.Tensor]--
	h.left--
}
