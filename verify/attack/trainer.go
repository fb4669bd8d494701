package attack

import (
	"context"
	"math"
	"math/rand/v2"
)

// training is one run of descent.
type training struct {
	optimiser Optimiser
	scope     scope
	epochs    int
	only      map[string][]bool // weights that are trained; nil: all in scope
	answers   bool              // whether the original's answers are learned, not labels
	rng       *rand.Rand        // order of the samples
}

// fit trains the present weights and leaves those of the epoch that does best on
// the validation part. It returns the accuracy and loss there and the epoch, 0 standing
// for the weights as they were.
//
// A training that runs away to values that are not finite ends there.
func (l *lab) fit(ctx context.Context, t training) (best validation, epoch int, err error) {
	kept := l.snapshot()
	// assess keeps the present weights if they are the best so far.
	assess := func(now int) (validation, error) {
		trained := l.snapshot()
		if t.scope == normalisedGraph {
			if err := l.fold(ctx); err != nil {
				return validation{}, err
			}
		}
		v, err := l.validate(ctx)
		if now == 0 || v.accuracy >= best.accuracy { // of equals the later one: the rate has fallen further
			best, epoch = v, now
			l.take(kept)
		}
		l.restore(trained)
		return v, err
	}
	if _, err := assess(0); err != nil {
		return best, 0, err
	}
	d := newDescent(t.optimiser)
	for e := range t.epochs {
		finite, err := l.epoch(ctx, t, d)
		if err != nil {
			return best, 0, err
		}
		if !finite {
			l.now.Done += t.epochs - e
			break
		}
		v, err := assess(e + 1)
		if err != nil {
			return best, 0, err
		}
		l.tick(v.accuracy)
	}
	l.restore(kept)
	return best, epoch, nil
}

// epoch takes a step on each of the training samples, in random order. finite is
// false when the loss is no number any more.
func (l *lab) epoch(ctx context.Context, t training, d *descent) (finite bool, err error) {
	p, err := l.program(t.scope)
	if err != nil {
		return false, err
	}
	names := l.namesIn(t.scope)
	n := l.train.Len()
	if t.scope == normalisedGraph {
		n = max(n/l.batch*l.batch, min(n, l.batch)) // statistics are those of full batches
	}
	steps := float64(t.epochs * ((n + l.batch - 1) / l.batch))
	order := l.train
	if t.answers {
		order = l.answered
	}
	order = order.Subset(t.rng.Perm(order.Len())[:n])
	for lo := 0; lo < n; lo += l.batch {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		inputs, cost, err := l.minibatch(order, lo, min(lo+l.batch, n))
		if err != nil {
			return false, err
		}
		if t.answers && l.opt.Task.Traits().Classes {
			cost = imitation(order.Truth(lo, min(lo+l.batch, n)))
		}
		loss, _, err := p.Gradients(inputs, cost)
		if err != nil {
			return false, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return false, nil
		}
		share := (1 + math.Cos(math.Pi*float64(d.step)/steps)) / 2
		d.begin()
		for _, name := range names {
			if g, _ := p.Gradient(name); g != nil {
				d.update(name, l.values(name), g, share, t.only[name])
			}
		}
	}
	return true, nil
}
