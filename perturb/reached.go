package perturb

import (
	"context"
	"errors"
	"math"

	"github.com/advparams/advparams/task"
)

// heldOut is the number of samples outside the blocks that are enough to judge the model
// by them alone. Where there are few samples, those that are left have to do.
const heldOut = 256

// heldOut returns that number for the task.
func (s *search) heldOut() int {
	switch traits := s.opt.Task.Traits(); {
	case traits.AllOutputs:
		return minAnswers
	case traits.NextTokens: // of which each sample has many
		return max(1, heldOut/answersOf(s.samples))
	}
	return min(heldOut, max(minAnswers, s.samples.Len()-mostChosen(s.samples.Len())))
}

// accept reports whether the model is at the target, or near it. If it is at the target,
// accept moves changed values off the ends of their ranges.
func (s *minimal) accept(ctx context.Context) (reached, near bool, err error) {
	return s.acceptBy(ctx, s.opt.Task.Traits().AllOutputs)
}

// acceptBy is accept, which asks other samples than those that choose before it moves values if
// asked is set.
func (s *minimal) acceptBy(ctx context.Context, asked bool) (reached, near bool, err error) {
	id := s.identity()
	if s.known(id) {
		return false, s.near(), nil
	}
	t, n, stopped, err := s.count(s.hopeless)
	if err != nil {
		return false, false, err
	}
	now := t.Score()
	s.note(now)
	s.chosen = now.Quality
	if stopped {
		s.refuted[id] = verdict{all: now}
		return false, s.near(), nil
	}
	if asked {
		return s.acceptAsked(ctx, id, t, n)
	}
	if !s.without.Clamp && now.Quality <= s.targetFor(now) { // most likely it is
		margin, shorter := further, 0.0
		if s.blocks.samples() < manyChosen {
			margin, shorter = furtherOfFew, furtherOfFew
		}
		reached, missed, err := s.inside(ctx, now, shorter)
		if reached || err != nil {
			return reached, true, err
		}
		if missed != nil && (missed.Quality > s.targetFor(*missed)+margin || s.renamed(*missed, 5*further)) {
			s.note(*missed)
			s.refuted[id] = verdict{*missed, s.fair}
			return false, s.near(), nil
		}
	}
	reached, err = s.confirm(ctx, id, t, n)
	return reached, reached || s.near(), err
}

// acceptAsked is the rest of accept for tasks that are searched with few samples, where that the model
// is at the target on those that choose says little about the others, and for changes that were
// chosen by all samples as they are.
func (s *minimal) acceptAsked(ctx context.Context, id string, t task.Tally, n int) (reached, near bool, err error) {
	chosen := t.Score()
	if reached, err = s.confirm(ctx, id, t, n); err != nil || !reached {
		return false, s.near(), err
	}
	if !s.without.Clamp {
		fair := s.fair
		moved, _, err := s.inside(ctx, chosen, furtherOfFew)
		if err != nil {
			return false, false, err
		}
		if !moved {
			s.fair = fair
		}
	}
	return true, true, nil
}

// nearby is the distance above the target at which other sets of as many changes may
// reach it.
const nearby = 0.03

// further is how much lower the quality may be with values at the ends of their ranges than a
// little inside. Where fewer than manyChosen samples choose, these say less about the others, and it
// is furtherOfFew.
const (
	further      = 0.005
	furtherOfFew = 0.1
	manyChosen   = 64
)

// near reports whether the model is that near.
func (s *minimal) near() bool { return s.result.Locked.Quality < s.result.Target+nearby }

// verdict is what was found of changes that do not reach the target.
type verdict struct{ all, held task.Score }

// known reports whether changes were found not to reach the target. It then notes what was
// found.
func (s *minimal) known(id string) bool {
	v, ok := s.refuted[id]
	if ok {
		s.note(v.all)
		s.fair = v.held
	}
	return ok
}

// identity names the present changes.
func (s *minimal) identity() string { return identity(s.present()) }

// count tallies the blocks with the present weights, until stop returns true.
func (s *minimal) count(stop func(score task.Score, n int) bool) (t task.Tally, n int, stopped bool, err error) {
	t = s.opt.Task.NewTally()
	n, stopped, err = s.blocks.count(t, stop)
	return t, n, stopped, err
}

// confirm reports whether the model is at the target on all samples, and on those that
// played no part in choosing changes. all is the tally of the first seen samples. It
// stops as soon as the target is out of reach. If the tally is one of rounded numbers, it decides
// by others. id names the changes: it remembers those that do not reach the target.
func (s *minimal) confirm(ctx context.Context, id string, all task.Tally, seen int) (reached bool, err error) {
	if s.known(id) {
		return false, nil
	}
	n, held, exact := 0, s.opt.Task.NewTally(), s.opt.Task.NewTally()
	err = s.judge.Each(ctx, s.samples, seen, func(e task.Evaluation) (bool, error) {
		n += e.N
		err := errors.Join(all.Add(e.Outputs, e.Truth), held.Add(e.Outputs, e.Truth))
		if s.rounded {
			err = errors.Join(err, exact.Add(e.Outputs, e.Truth))
		}
		clearly := seen+n >= translated && s.renamed(all.Score(), 5*further)
		return !clearly && !s.outOfReach(held.Score(), n, s.samples.Len()-seen), err
	})
	if err != nil {
		return false, err
	}
	s.note(all.Score())
	fair := held.Score()
	s.fair = fair
	if s.rounded && s.result.Locked.Quality <= s.result.Target+further {
		if err := s.exactly(ctx, seen, exact); err != nil {
			return false, err
		}
		s.note(exact.Score())
	}
	reached = !s.renamed(s.result.Locked, 0) && s.result.Locked.Quality <= s.result.Target && (n < s.heldOut() || fair.Quality <= s.targetFor(fair))
	if !reached {
		s.refuted[id] = verdict{s.result.Locked, fair}
		s.misnamed(all)
		s.approached()
	}
	return reached, nil
}

// translatable is the accuracy beyond chance that renaming the locked model's answers may
// give back. A model whose errors can be undone by renaming its answers is not at chance.
const translatable = 0.1

// translated is the number of samples that are enough to tell how much it gives back, roughly.
const translated = 512

// renamed reports whether renaming gives back more than that, by some margin, or leaving out the
// most frequent answers does, where that counts.
func (s *search) renamed(score task.Score, margin float64) bool {
	return s.opt.Target == 0 && (score.Translated > translatable+margin || s.opt.EveryAnswer && score.Rest.Beyond > translatable+margin)
}

// settled measures the present changes on all samples and reports whether they are at the
// target. It does not stop early, and has the last word: what it finds at the target is.
func (s *minimal) settled(ctx context.Context) (reached bool, err error) {
	if reached, err = s.locked(ctx); !reached || err != nil {
		return false, err
	}
	whole := s.result.Locked
	tally, n, _, err := s.count(func(task.Score, int) bool { return false })
	if err != nil {
		return false, err
	}
	if reached, err = s.confirm(ctx, s.identity(), tally, n); !reached {
		s.note(whole) // confirm may have stopped early
	}
	return reached, err
}

// hopeless reports whether a model is not at the target beyond doubt, by its score on n
// samples. Labels that are all of one class so far do not tell, unless all there are are.
func (s *minimal) hopeless(score task.Score, n int) bool {
	if classesOf(score) == 1 && classesOf(s.result.Before) > 1 {
		return false
	}
	return score.Quality > s.targetFor(score)+s.uncertainty(score.Quality, n)
}

// outOfReach is hopeless for n of all samples that decide. The fewer are left, the less
// their score may differ.
func (s *minimal) outOfReach(score task.Score, n, all int) bool {
	if classesOf(score) == 1 && classesOf(s.result.Before) > 1 {
		return false
	}
	left := math.Sqrt(1 - float64(n)/float64(max(all, n, 1)))
	return score.Quality > s.targetFor(score)+left*s.uncertainty(score.Quality, n)
}

// classesOf returns the number of classes that labels are of.
func classesOf(score task.Score) (classes int) {
	for _, c := range score.Classes {
		if c.Samples > 0 {
			classes++
		}
	}
	return classes
}
