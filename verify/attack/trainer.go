package attack

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/advparams/advparams/gradient"
)

// training is one run of descent.
type training struct {
	optimiser Optimiser
	scope     scope
	only      map[string][]bool // weights that are trained; nil: all in scope
	rng       *rand.Rand        // order of the samples
}

// fit trains the present weights and leaves those of the epoch that does best on
// the validation part. It returns the accuracy there and the epoch, 0 standing
// for the weights as they were.
//
// A training that runs away to values that are not finite ends there.
func (l *lab) fit(ctx context.Context, t training) (best float64, epoch int, err error) {
	p, err := l.program(t.scope)
	if err != nil {
		return 0, 0, err
	}
	if best, err = l.measure(ctx, l.valid); err != nil {
		return 0, 0, err
	}
	kept := l.snapshot()
	d := newDescent(t.optimiser)
	names := l.namesIn(t.scope)
	perEpoch := (l.train.Len() + l.batch - 1) / l.batch
	total := float64(l.opt.Epochs * perEpoch)
	for e := range l.opt.Epochs {
		order := l.train.Subset(t.rng.Perm(l.train.Len()))
		for lo := 0; lo < order.Len(); lo += l.batch {
			if err := ctx.Err(); err != nil {
				return 0, 0, err
			}
			inputs, labels, err := l.minibatch(order, lo, min(lo+l.batch, order.Len()))
			if err != nil {
				return 0, 0, err
			}
			loss, _, err := p.Gradients(inputs, gradient.CrossEntropy(labels))
			if err != nil {
				return 0, 0, err
			}
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				l.restore(kept)
				l.now.Done += l.opt.Epochs - e
				return best, epoch, nil
			}
			share := (1 + math.Cos(math.Pi*float64(d.step)/total)) / 2
			d.begin()
			for _, name := range names {
				if g, _ := p.Gradient(name); g != nil {
					d.update(name, l.values(name), g, share, t.only[name])
				}
			}
		}
		accuracy, err := l.measure(ctx, l.valid)
		if err != nil {
			return 0, 0, err
		}
		if accuracy >= best { // of equals the later one: the rate has fallen further
			best, epoch = accuracy, e+1
			l.take(kept)
		}
		l.tick(accuracy)
	}
	l.restore(kept)
	return best, epoch, nil
}
