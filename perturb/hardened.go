package perturb

import (
	"context"
	"fmt"
	"math"
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
	// Budget is the share of the parameters that are changed; 0 means 0.5 %.
	Budget float64
}

// DefaultBudget is the share of the parameters that Hardened changes when it is
// not told otherwise.
const DefaultBudget = 0.005

// hardenedRounds is the number of gradients taken, singleRounds of them to come
// to a single answer.
const (
	hardenedRounds = 20
	singleRounds   = 5
)

// Hardened spreads many changes over the whole model, so that less is left to
// start from for somebody who has data but not the key. A change exchanges the
// values of two weights of a tensor: the values of every tensor stay the same as
// a whole, so that nothing of its distribution shows that something was done.
// It makes repair harder and does not prevent it: of LeNet-5 (90.5 %) the best
// attack measured, with a tenth of the training data, brings back 89.3 % after
// 302 changes and 90.2 % after the 8 of Search, where training from scratch comes
// to about 85 % (THREAT-MODEL.md).
//
// Each of 20 rounds takes the gradient g of the soft accuracy at the weights as
// they are by then, and exchanges the pairs whose first-order gain
// (gᵢ-gⱼ)·(wᵢ-wⱼ) is largest. A tensor's part of the budget is proportional to
// the square root of its size. No weight is moved twice.
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
	if !(opt.Budget > 0 && opt.Budget <= 1) {
		return nil, fmt.Errorf("a budget of %g of the parameters", opt.Budget)
	}
	s, err := newSearch(m, samples, opt.Options)
	if err != nil {
		return nil, err
	}
	h := &hardening{search: s, quota: s.quotas(opt.Budget), answer: -1}
	if h.left = sum(h.quota); h.left == 0 {
		return nil, hint.With(fmt.Errorf("%s: a budget of %g %% leaves no pair of weights to exchange", m.Path(), 100*opt.Budget), "raise --budget")
	}
	return h.run(ctx)
}

type hardening struct {
	*search
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

// quotas divides the budget among the weights of layers. Vectors are left alone:
// they are short, and a few of their elements moved are easily found.
func (s *search) quotas(budget float64) map[string]int {
	quota := map[string]int{}
	total := 0.0
	for name := range s.bounds {
		if a, _ := s.weights.Array(name); len(a.Shape) > 1 {
			quota[name] = a.Len()
		}
	}
	names := s.weights.Names()
	for _, name := range names { // in a fixed order: sums of floats depend on it
		total += math.Sqrt(float64(quota[name]))
	}
	pairs := budget * float64(s.weights.Len()) / 2
	for name, size := range quota {
		n := int(pairs * math.Sqrt(float64(size)) / total)
		quota[name] = min(n, size/8)
	}
	return quota
}

func (h *hardening) run(ctx context.Context) (*Result, error) {
	if err := h.prepare(); err != nil {
		return nil, err
	}
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
		err = hint.With(fmt.Errorf("%w: accuracy %.4f with %d parameters changed, target %.4f", ErrTarget, r.Locked, len(r.Changes), r.Target),
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
