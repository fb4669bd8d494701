package attack

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/advparams/advparams/internal/swaps"
)

// A hardened lock exchanges weights within tensors, in the order of a gradient.
// The attacker who knows that follows the gradient the other way: round by round
// the exchanges that lower the cross-entropy most. What does best on the
// validation part is kept.

func unswap(*lab) []variant {
	return []variant{{name: "exchanges", change: unswapOnce}, {name: "exchanges", change: unswapOnce, tune: everything}}
}

const (
	unswapRounds = 24
	unswapTries  = 48 // pairs tried for real in each round
	unswapStep   = 3  // rounds after which one more pair is exchanged at a time
)

func unswapOnce(ctx context.Context, l *lab) (string, error) {
	if l.unswapped == nil {
		note, err := l.unswap(ctx, unswapRounds)
		if err != nil {
			return "", err
		}
		l.unswapped = &altered{l.snapshot(), note}
	}
	l.restore(l.unswapped.weights)
	return l.unswapped.note, nil
}

func (l *lab) unswap(ctx context.Context, rounds int) (string, error) {
	best, err := l.measure(ctx, l.valid)
	if err != nil {
		return "", err
	}
	t, err := l.newTrial(repairFine)
	if err != nil {
		return "", err
	}
	kept, pairs, count := l.snapshot(), 0, 0
	moved := map[site]bool{}
	for round := range rounds {
		list, err := l.exchanges(ctx, t, moved)
		if err != nil {
			return "", err
		}
		for _, p := range list[:min(1+round/unswapStep, len(list))] {
			l.exchange(p)
			if err := t.refresh(p.Tensor); err != nil {
				return "", err
			}
			moved[site{p.Tensor, p.I}], moved[site{p.Tensor, p.J}] = true, true
			count++
		}
		now, err := l.measure(ctx, l.valid)
		if err != nil {
			return "", err
		}
		if now >= best {
			best, pairs = now, count
			l.take(kept)
		}
	}
	l.restore(kept)
	return fmt.Sprintf("%d pairs", pairs), nil
}

// exchange swaps the values of two weights.
func (l *lab) exchange(p swaps.Pair) {
	w := l.values(p.Tensor)
	w[p.I], w[p.J] = w[p.J], w[p.I]
}

// exchanges returns pairs whose exchange lowers the loss, the best first. Those
// that promise most to first order are tried for real.
func (l *lab) exchanges(ctx context.Context, t *trial, moved map[site]bool) ([]swaps.Pair, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return nil, err
	}
	var tensors []swaps.Tensor
	for _, name := range l.names {
		tensors = append(tensors, swaps.Tensor{
			Name: name, Weights: l.values(name), Grad: grads[name], Quota: unswapTries / 4,
			Fixed: func(i int) bool { return moved[site{name, i}] },
		})
	}
	list := swaps.Best(tensors, unswapTries)
	slices.SortStableFunc(list, func(a, b swaps.Pair) int { return cmp.Compare(a.Tensor, b.Tensor) })
	for i := range list {
		p := &list[i]
		l.exchange(*p)
		loss, err := t.loss(p.Tensor)
		l.exchange(*p)
		if err == nil && (i+1 == len(list) || list[i+1].Tensor != p.Tensor) {
			_, err = t.loss(p.Tensor) // as it was, before others are tried
		}
		if err != nil {
			return nil, err
		}
		p.Gain = t.now - loss
	}
	list = slices.DeleteFunc(list, func(p swaps.Pair) bool { return !(p.Gain > 0) })
	slices.SortStableFunc(list, func(a, b swaps.Pair) int { return cmp.Compare(b.Gain, a.Gain) })
	return list, nil
}
