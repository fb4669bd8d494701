package attack

import (
	"context"
	"time"
)

// carryOut tries the settings of an attack and returns the best result. If the attack is
// controlled, they are tried from a start that holds nothing too.
func (l *lab) carryOut(ctx context.Context, p planned) (Result, error) {
	defer l.restore(l.locked)
	began := time.Now()
	l.now = Progress{Attack: p.name, Total: l.effort(p.settings)}
	if p.controlled() {
		l.now.Total *= 2
	}
	l.report(l.now)
	result, err := l.best(ctx, p.name, p.settings)
	if err == nil && p.controlled() {
		l.blank = true
		defer func() { l.blank = false }()
		var control Result
		control, err = l.best(ctx, p.name, p.settings)
		result.Control = &control
	}
	result.Seconds = time.Since(began).Seconds()
	return result, err
}

// best tries settings and returns the result of the one that is best on the validation
// samples.
func (l *lab) best(ctx context.Context, name string, list []variant) (Result, error) {
	began := time.Now()
	result := Result{Name: name, Validation: -1}
	var chosen validation
	for _, v := range list {
		settings, err := l.try(ctx, name, v)
		if err != nil {
			return Result{}, err
		}
		for _, s := range settings {
			if v := (validation{s.Validation, s.Loss}); result.Setting == "" || v.better(chosen) {
				chosen = v
				result.Accuracy, result.Validation, result.Loss, result.Setting = s.Accuracy, s.Validation, s.Loss, s.String()
			}
		}
		result.Settings = append(result.Settings, settings...)
	}
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// effort returns the number of epochs and settings in a list.
func (l *lab) effort(list []variant) int {
	n := len(list)
	for _, v := range list {
		n += v.ahead * l.opt.Epochs
		if v.tune != nothing {
			n += len(l.opt.Grid) * l.epochs(v)
		}
	}
	return n
}

// epochs returns the length of a setting's training.
func (l *lab) epochs(v variant) int { return l.opt.Epochs * max(v.times, 1) }

// tick reports that an epoch or a setting is done.
func (l *lab) tick(accuracy float64) {
	l.now.Done++
	l.now.Best = max(l.now.Best, accuracy)
	l.report(l.now)
}

// try carries out one setting, with every optimiser of the grid if it trains.
func (l *lab) try(ctx context.Context, attack string, v variant) ([]Setting, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.restore(l.locked)
	id := attack + "\x00" + v.name
	if l.blank {
		id += "\x00control"
		l.rng = l.seeded(id + "\x00start")
		if err := l.redrawElements(); err != nil {
			return nil, err
		}
	}
	l.rng = l.seeded(id)
	var note string
	var err error
	if v.change != nil {
		if note, err = v.change(ctx, l); err != nil {
			return nil, err
		}
	}
	if v.tune == nothing {
		s := Setting{Name: v.name, Note: note}
		now, err := l.validate(ctx)
		s.Validation, s.Loss = now.accuracy, now.loss
		if err == nil {
			s.Accuracy, err = l.measure(ctx, l.test)
		}
		l.tick(s.Validation)
		return []Setting{s}, err
	}
	var only map[string][]bool
	if v.only != nil {
		if only, err = v.only(ctx, l); err != nil {
			return nil, err
		}
	}
	if v.keep {
		only = l.nonzero()
	}
	if v.answers {
		if err := l.ask(ctx); err != nil {
			return nil, err
		}
	}
	start := l.snapshot()
	l.tick(0)
	var settings []Setting
	for _, o := range l.opt.Grid {
		l.restore(start)
		s := Setting{Name: v.name, Optimiser: o.String(), Note: note}
		t := training{optimiser: o, scope: v.tune, epochs: l.epochs(v), only: only, answers: v.answers, rng: l.seeded(id + "\x00" + o.String())}
		best, epoch, err := l.fit(ctx, t)
		if err != nil {
			return nil, err
		}
		s.Validation, s.Loss, s.Epoch = best.accuracy, best.loss, epoch
		if s.Accuracy, err = l.measure(ctx, l.test); err != nil {
			return nil, err
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// nonzero marks the weights that are not zero.
func (l *lab) nonzero() map[string][]bool {
	marks := map[string][]bool{}
	for _, name := range l.names {
		x := l.values(name)
		marks[name] = make([]bool, len(x))
		for i, v := range x {
			marks[name][i] = v != 0
		}
	}
	return marks
}
