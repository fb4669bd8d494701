package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// The search run backwards, by an attacker who knows the method. Each round ranks the
// weights by how much a reset would lower the loss to first order, adds the ends of every
// tensor's range, evaluates the best candidates and keeps the best one, as long as the loss
// falls.

func repair(l *lab) []variant {
	return []variant{{name: "greedy resets", change: repairOnce, tries: l.repairTries()}}
}

func repairTune(l *lab) []variant {
	return []variant{{name: "greedy resets", change: repairOnce, tune: everything, tries: l.repairTries()}}
}

// repairTries is the number of samples that the longest repair runs the model on.
func (l *lab) repairTries() int {
	n := l.train.Len()
	round := 3*min(rankSamples, n) + (repairTries+2*repairEnds*len(l.names))*min(repairCoarse, n) + (repairBest+2)*min(repairFine, n)
	return repairRounds * round
}

const (
	repairCoarse = 64    // samples that all candidates are tried on
	repairFine   = 256   // samples that the best of them are tried on
	repairBest   = 12    // how many those are
	repairRounds = 64    // resets at most
	repairTries  = 32    // candidates by first-order gain, in each round
	repairEnds   = 2     // candidates of each tensor, at each end
	repairGain   = 0.002 // share of the loss that a reset has to bring
)

// altered is the result of a costly change of the locked weights, which several settings
// begin with.
type altered struct {
	weights snapshot
	note    string
}

func repairOnce(ctx context.Context, l *lab) (string, error) {
	if l.blank {
		return repairWeights(ctx, l)
	}
	if l.repaired == nil {
		note, err := repairWeights(ctx, l)
		if err != nil {
			return "", err
		}
		l.repaired = &altered{l.snapshot(), note}
	}
	l.restore(l.repaired.weights)
	return l.repaired.note, nil
}

// reset is a weight and the value it may get.
type reset struct {
	site
	value float32
	gain  float64
}

func repairWeights(ctx context.Context, l *lab) (string, error) {
	coarse, err := l.newTrial(repairCoarse)
	if err != nil {
		return "", err
	}
	fine, err := l.newTrial(repairFine)
	if err != nil {
		return "", err
	}
	count := 0
	for ; count < repairRounds; count++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		best, ok, err := l.bestReset(ctx, coarse, fine)
		if err != nil {
			return "", err
		}
		if !ok || best.gain <= repairGain*fine.now {
			break
		}
		l.values(best.tensor)[best.index] = best.value
		if err := errors.Join(coarse.refresh(best.tensor), fine.refresh(best.tensor)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d weights", count), nil
}

// bestReset evaluates the most promising resets and returns the best. ok is false if there
// are none.
func (l *lab) bestReset(ctx context.Context, coarse, fine *trial) (best reset, ok bool, err error) {
	list, err := l.resets(ctx)
	if err != nil || len(list) == 0 {
		return reset{}, false, err
	}
	if err := coarse.try(l, list); err != nil {
		return reset{}, false, err
	}
	slices.SortStableFunc(list, byGain)
	list = list[:min(repairBest, len(list))]
	slices.SortFunc(list, bySite)
	if err := fine.try(l, list); err != nil {
		return reset{}, false, err
	}
	best = slices.MinFunc(list, byGain)
	// Half of the way may be better than all of it, or half as far again.
	old := l.values(best.tensor)[best.index]
	others := []reset{best, best}
	others[0].value = (old + best.value) / 2
	others[1].value = best.value + (best.value-old)/2
	if err := fine.try(l, others); err != nil {
		return reset{}, false, err
	}
	return slices.MinFunc([]reset{best, others[0], others[1]}, byGain), true, nil
}

// resets returns the candidates: weights whose reset to the median of their
// tensor lowers the loss most to first order, and the ends of every tensor.
func (l *lab) resets(ctx context.Context) ([]reset, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return nil, err
	}
	var ranked, list []reset
	for _, name := range l.names {
		x, g := l.values(name), grads[name]
		order := ascending(x)
		middle := x[order[len(x)/2]]
		candidate := func(i int) (r reset, ok bool) {
			r = reset{site{name, i}, middle, float64(g[i]) * float64(x[i]-middle)}
			return r, r.gain > 0
		}
		for i := range x {
			if r, ok := candidate(i); ok {
				ranked = append(ranked, r)
			}
		}
		for k := range min(repairEnds, len(x)/2) {
			for _, i := range []int{order[k], order[len(x)-1-k]} {
				if r, ok := candidate(i); ok {
					list = append(list, r)
				}
			}
		}
	}
	slices.SortStableFunc(ranked, byGain)
	list = append(list, ranked[:min(repairTries, len(ranked))]...)
	slices.SortStableFunc(list, bySite)
	return slices.CompactFunc(list, func(a, b reset) bool { return a.site == b.site }), nil
}

// bySite orders by place.
func bySite(a, b reset) int {
	return cmp.Or(cmp.Compare(a.tensor, b.tensor), cmp.Compare(a.index, b.index))
}

// byGain orders by gain, largest first.
func byGain(a, b reset) int { return cmp.Compare(b.gain, a.gain) }

// trial measures the loss on a batch. It keeps all values, so that only what depends on an
// altered weight is computed again.
type trial struct {
	program *gradient.Program
	cost    gradient.Loss
	now     float64
}

func (l *lab) newTrial(n int) (*trial, error) {
	n = min(n, l.train.Len())
	if b, fixed := l.evaluator.Session.BatchSize(); fixed {
		n = min(n, b)
	}
	some := part(l.train, 0, n)
	inputs, err := some.Batch(0, n)
	if err != nil {
		return nil, err
	}
	cfg := l.config(inputs)
	cfg.Keep = true
	t := &trial{cost: l.opt.Task.Training(some.Truth(0, n))}
	if t.program, err = gradient.Compile(l.model, cfg); err != nil {
		return nil, err
	}
	outputs, err := t.program.Forward(inputs)
	if err != nil {
		return nil, err
	}
	t.now, err = t.of(outputs)
	return t, err
}

func (t *trial) of(outputs []nd.Array) (float64, error) {
	seeds := make([]nd.Array, len(outputs))
	for i, o := range outputs {
		seeds[i] = nd.New(nd.Float32, o.Shape...)
	}
	return t.cost(outputs, seeds)
}

// loss computes the loss after a tensor was altered.
func (t *trial) loss(tensor string) (float64, error) {
	outputs, err := t.program.Refresh(tensor)
	if err != nil {
		return 0, err
	}
	return t.of(outputs)
}

// refresh computes again what depends on an altered tensor.
func (t *trial) refresh(tensor string) (err error) {
	t.now, err = t.loss(tensor)
	return err
}

// try sets the gain of each reset to the fall of the loss that it brings. Resets of the same
// tensor have to be adjacent.
func (t *trial) try(l *lab, list []reset) error {
	for i := range list {
		r := &list[i]
		x := l.values(r.tensor)
		old := x[r.index]
		x[r.index] = r.value
		loss, err := t.loss(r.tensor)
		x[r.index] = old
		if err != nil {
			return err
		}
		if r.gain = t.now - loss; r.gain != r.gain {
			r.gain = -1 // the loss is not finite
		}
		if i+1 == len(list) || list[i+1].tensor != r.tensor {
			if _, err := t.program.Refresh(r.tensor); err != nil {
				return err
			}
		}
	}
	return nil
}
