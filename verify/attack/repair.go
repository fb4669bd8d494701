package attack

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// The search run backwards, by an attacker who knows the method: rank the
// weights by how much a reset would lower the loss to first order, add the ends
// of every tensor's range, try the best of them for real, keep the best of all,
// and so on while the loss falls.

func repair(*lab) []variant { return []variant{{name: "greedy resets", change: repairWeights}} }

func repairTune(*lab) []variant {
	return []variant{{name: "greedy resets", change: repairWeights, tune: everything}}
}

const (
	repairSamples = 256   // that candidates are tried on
	repairRounds  = 64    // resets at most
	repairTries   = 48    // by first-order gain, in each round
	repairEnds    = 2     // of each tensor, at each end
	repairGain    = 0.002 // share of the loss that a reset has to bring
)

// reset is a weight and the value it may get.
type reset struct {
	site
	value float32
	gain  float64
}

func repairWeights(ctx context.Context, l *lab) (string, error) {
	t, err := l.newTrial()
	if err != nil {
		return "", err
	}
	count := 0
	for ; count < repairRounds; count++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		best, err := l.bestReset(ctx, t)
		if err != nil {
			return "", err
		}
		if best.gain <= repairGain*t.now {
			break
		}
		l.values(best.tensor)[best.index] = best.value
		if t.now, err = t.loss(best.tensor); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d weights", count), nil
}

// bestReset tries the most promising resets.
func (l *lab) bestReset(ctx context.Context, t *trial) (reset, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return reset{}, err
	}
	var ranked, list []reset
	for _, name := range l.names {
		x, g := l.values(name), grads[name]
		order := ascending(x)
		middle := x[order[len(x)/2]]
		for i := range x {
			if gain := float64(g[i]) * float64(x[i]-middle); gain > 0 {
				ranked = append(ranked, reset{site{name, i}, middle, gain})
			}
		}
		for k := range min(repairEnds, len(x)/2) {
			for _, i := range []int{order[k], order[len(x)-1-k]} {
				list = append(list, reset{site{name, i}, middle, 0})
			}
		}
	}
	slices.SortStableFunc(ranked, byGain)
	list = append(list, ranked[:min(repairTries, len(ranked))]...)
	slices.SortStableFunc(list, func(a, b reset) int {
		return cmp.Or(cmp.Compare(a.tensor, b.tensor), cmp.Compare(a.index, b.index))
	})
	list = slices.CompactFunc(list, func(a, b reset) bool { return a.site == b.site })
	if err := t.try(l, list); err != nil {
		return reset{}, err
	}
	best := slices.MinFunc(list, byGain)
	// Half of the way may be better than all of it.
	old := l.values(best.tensor)[best.index]
	nearer := []reset{best, best}
	nearer[0].value = (best.value + old) / 2
	nearer[1].value = best.value - (old-best.value)/2
	if err := t.try(l, nearer); err != nil {
		return reset{}, err
	}
	return slices.MinFunc(append(nearer, best), byGain), nil
}

// byGain orders the largest gain first.
func byGain(a, b reset) int { return cmp.Compare(b.gain, a.gain) }

// trial measures the loss on a batch with all values kept, so that only what
// lies behind an altered weight is computed again.
type trial struct {
	program *gradient.Program
	labels  []int
	now     float64
}

func (l *lab) newTrial() (*trial, error) {
	n := min(repairSamples, l.train.Len())
	if b, fixed := l.session.BatchSize(); fixed {
		n = min(n, b)
	}
	some := part(l.train, 0, n)
	inputs, err := some.Batch(0, n)
	if err != nil {
		return nil, err
	}
	cfg := l.config(inputs)
	cfg.Keep = true
	t := &trial{labels: some.Labels()}
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
	return gradient.CrossEntropy(t.labels)(outputs, seeds)
}

// loss computes the loss after a tensor was altered.
func (t *trial) loss(tensor string) (float64, error) {
	outputs, err := t.program.Refresh(tensor)
	if err != nil {
		return 0, err
	}
	return t.of(outputs)
}

// try sets each reset's gain to the fall of the loss that it brings. Those of a
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
