package attack

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// A hardened lock negates weights. An attacker who knows that has to learn one bit of each
// weight. Two ways are tried: to negate, round by round, the weights that lower the loss
// most; and to train and look which weights have changed their sign.

func unflip(l *lab) []variant {
	list := []variant{
		{name: "negations", change: unflipOnce},
		{name: "negations", change: unflipOnce, tune: everything},
		{name: "signs that training changed", change: learnSigns, tune: everything, ahead: 1},
	}
	if len(l.foldable()) > 0 && len(l.anatomy.layers) > 2 {
		list = append(list, l.withNorms("first layer and large weights of the second drawn anew", redrawDoubtful))
	}
	return list
}

// redrawDoubtful draws anew what a lock of a few percent has most likely changed: the first
// layer, and the largest third of the weights of the second.
func redrawDoubtful(_ context.Context, l *lab) (string, error) {
	first, second := l.anatomy.layers[0], l.anatomy.layers[1]
	l.normal(l.values(first.weight), math.Sqrt(2/float64(max(l.fanIn(first.weight), 1))))
	x := l.values(second.weight)
	large := ascending(magnitudes(x))[len(x)*2/3:]
	_, deviation := spread(x)
	for _, i := range large {
		x[i] = float32(deviation * l.rng.NormFloat64())
	}
	return fmt.Sprintf("%d weights", len(large)), nil
}

func magnitudes(x []float32) []float32 {
	list := make([]float32, len(x))
	for i, v := range x {
		list[i] = magnitude(v)
	}
	return list
}

const (
	unflipRounds = 24
	unflipTries  = 48 // weights tried for real in each round
	unflipStep   = 3  // rounds after which one more sign is turned around at a time
)

func unflipOnce(ctx context.Context, l *lab) (string, error) {
	if l.blank {
		return l.unflip(ctx, unflipRounds)
	}
	if l.unflipped == nil {
		note, err := l.unflip(ctx, unflipRounds)
		if err != nil {
			return "", err
		}
		l.unflipped = &altered{l.snapshot(), note}
	}
	l.restore(l.unflipped.weights)
	return l.unflipped.note, nil
}

func (l *lab) unflip(ctx context.Context, rounds int) (string, error) {
	best, err := l.measure(ctx, l.valid)
	if err != nil {
		return "", err
	}
	t, err := l.newTrial(repairFine)
	if err != nil {
		return "", err
	}
	kept, flips, count := l.snapshot(), 0, 0
	moved := map[site]bool{}
	for round := range rounds {
		list, err := l.negations(ctx, t, moved)
		if err != nil {
			return "", err
		}
		for _, r := range list[:min(1+round/unflipStep, len(list))] {
			l.values(r.tensor)[r.index] = r.value
			if err := t.refresh(r.tensor); err != nil {
				return "", err
			}
			moved[r.site] = true
			count++
		}
		now, err := l.measure(ctx, l.valid)
		if err != nil {
			return "", err
		}
		if now >= best {
			best, flips = now, count
			l.take(kept)
		}
	}
	l.restore(kept)
	return fmt.Sprintf("%d weights", flips), nil
}

// negations returns weights whose negation lowers the loss, best first. It evaluates those
// with the largest first-order gain.
func (l *lab) negations(ctx context.Context, t *trial, moved map[site]bool) ([]reset, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return nil, err
	}
	var list []reset
	for _, name := range l.names {
		var own []reset
		g := grads[name]
		for i, w := range l.values(name) {
			at := site{name, i}
			if gain := 2 * float64(g[i]) * float64(w); gain > 0 && !moved[at] {
				own = append(own, reset{at, -w, gain})
			}
		}
		slices.SortStableFunc(own, byGain)
		list = append(list, own[:min(unflipTries/4, len(own))]...)
	}
	slices.SortStableFunc(list, byGain)
	list = list[:min(unflipTries, len(list))]
	slices.SortStableFunc(list, bySite)
	if err := t.try(l, list); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(r reset) bool { return !(r.gain > 0) })
	slices.SortStableFunc(list, byGain)
	return list, nil
}

// learnSigns trains, and then gives the weights from before the signs from after.
func learnSigns(ctx context.Context, l *lab) (string, error) {
	before := l.snapshot()
	t := training{optimiser: l.opt.Grid[0], scope: everything, epochs: l.opt.Epochs, rng: l.seeded("signs")}
	if _, _, err := l.fit(ctx, t); err != nil {
		return "", err
	}
	count := 0
	for _, name := range l.names {
		x := l.values(name)
		for i, old := range before[name] {
			if old*x[i] < 0 {
				old = -old
				count++
			}
			x[i] = old
		}
	}
	return fmt.Sprintf("%d weights", count), nil
}
