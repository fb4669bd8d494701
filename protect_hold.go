package advparams

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// A search can fit its samples: those that are made up are not like real ones, and those
// of a user may not be prepared as in training. So the lock is judged on families of samples
// that the search has not seen, and where it fails the search goes on with some of them.

// FamilyScore says how far a locked model agrees with its original on a family of samples
// that the search has not seen: they were made up, or are those of the search prepared in
// another way.
type FamilyScore struct {
	Family    string  `json:"family"`
	Samples   int     `json:"samples"`
	By        string  `json:"by"`        // "answers" or "values" (OutputAgreement), or "renamed answers"
	Agreement float64 `json:"agreement"` // 1: the same; 0: as far as chance goes
	Intact    bool    `json:"intact"`
}

// MadeUpError means that a model that was locked with samples that are made up, or that it
// was hardly right on, is still right on others. It wraps ErrTarget.
type MadeUpError struct {
	Model    string // the path of its file
	Families []FamilyScore
}

func (e *MadeUpError) Error() string {
	var names []string
	for _, f := range e.Families {
		if f.Intact {
			names = append(names, fmt.Sprintf("%s (%s: %.0f %%)", f.Family, f.By, 100*f.Agreement))
		}
	}
	return fmt.Sprintf("%s: the lock holds on the samples of the search, but not on others: %s", e.Model, strings.Join(names, ", "))
}

// Unwrap returns ErrTarget.
func (e *MadeUpError) Unwrap() error { return ErrTarget }

const (
	judgeMadeUp   = 128  // samples of a family to judge with, in all ranges together
	madeUpRounds  = 6    // of going on with made-up samples that the lock does not hold on
	costlyRounds  = 2    // where these samples take minutes
	variantRounds = 3    // of going on with samples in other scales
	slack         = 0.02 // quality beyond that of a useless model on the samples of the search
	madeUpIntact  = 0.1  // agreement above which a lock does not hold
	renamedIntact = 0.15 // accuracy beyond chance that renaming answers may give back
	variedAnswers = 0.8  // share of the most frequent answer above which values are compared
)

// hold judges the lock on other samples, and goes on with those that it does not hold on, for
// some rounds. others calls judge with each family of a round. The error is a *MadeUpError if
// the lock does not hold in the end.
func (l *locking) hold(ctx context.Context, rounds int, others func(round int, judge func(family string, q *prepared) error) error) error {
	for round := range rounds {
		last, intact := round == rounds-1 || l.costly && round == costlyRounds-1, false
		l.families = l.families[:0]
		err := others(round, func(family string, q *prepared) error {
			f, err := q.judge(ctx, l.m, l.found.Changes, family, l.Target, l.w)
			if err != nil {
				return err
			}
			l.families, intact = append(l.families, f), intact || f.Intact
			if f.Intact && !last {
				return l.goOn(ctx, q, l.allow, l.MaxParams)
			}
			return nil
		})
		if err != nil {
			return err
		}
		// Later changes may have given back some of what the first took.
		if err := l.remeasure(ctx); err != nil {
			return err
		}
		if s := l.found.Locked; !intact && !last && l.Target == 0 && s.Quality > s.Useless()+slack {
			intact = true
			if err := l.goOn(ctx, l.samples, l.allow, l.MaxParams); err != nil {
				return err
			}
		}
		if !intact {
			return nil
		}
		if last {
			break
		}
	}
	return &MadeUpError{l.m.Path(), l.families}
}

// holdOut makes the lock hold on families of made-up samples that the search has not seen.
func (l *locking) holdOut(ctx context.Context) error {
	_, families := synth.Families()
	if !l.samples.task.Traits().Classes {
		families = slices.DeleteFunc(families, func(f synth.Family) bool { return f == synth.DrawnDreams || f == synth.MixedDreams })
	}
	return l.hold(ctx, madeUpRounds, func(round int, judge func(string, *prepared) error) error {
		ranges := l.samples.ranges
		for i, family := range families {
			for k, within := range ranges {
				l.see.report("judging on other samples", i*len(ranges)+k, len(families)*len(ranges), string(family))
				q, err := l.unseen(ctx, family, within, l.Data.seed(1)+uint64(1000*(round+1)+100*k+i))
				if err != nil {
					return err
				}
				if err := judge(strings.TrimSpace(string(family+" "+synth.Family(within))), q); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// holdVariants makes the lock hold on the samples in other scales.
func (l *locking) holdVariants(ctx context.Context) error {
	set := first(l.samples.set, min(l.samples.set.Len(), judgedSamples))
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	return l.hold(ctx, variantRounds, func(_ int, judge func(string, *prepared) error) error {
		for _, v := range synth.Rescaled(batch) {
			q, err := l.samples.asked(ctx, l.m, set.WithInputs(v.Inputs), l.w)
			if err != nil {
				return err
			}
			if err := judge(v.Name, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// unseen makes up samples to judge with, with the answers of the model.
func (l *locking) unseen(ctx context.Context, family synth.Family, within synth.Range, seed uint64) (*prepared, error) {
	work := judgeWork / int64(len(l.samples.ranges))
	if family != synth.DrawnDreams && family != synth.MixedDreams {
		work = 0 // they are looked at once
	}
	some, err := l.Data.made(ctx, l.m, l.samples.head, family, within, judgeMadeUp/len(l.samples.ranges), work, seed, l.w, nil)
	if err != nil {
		return nil, err
	}
	l.costly = l.costly || count(some) < judgeMadeUp/len(l.samples.ranges)
	set, err := dataset.FromArrays(some, string(family))
	if err != nil {
		return nil, err
	}
	return l.samples.asked(ctx, l.m, set, l.w)
}

// asked returns samples with the answers of the model. If nearly all answers are the same,
// the truth is all that the model computes instead.
func (h *head) asked(ctx context.Context, m *onnxio.Model, set *dataset.Set, w *gradient.Workers) (*prepared, error) {
	own := *h
	q := &prepared{head: &own, set: set, askOriginal: true}
	if err := q.answered(ctx, m, w, nil); err != nil {
		return nil, err
	}
	var err error
	if _, share := q.skewed(); q.task.Traits().Classes && share > variedAnswers {
		q.task = task.For(task.Outputs{}, q.look)
		err = q.answered(ctx, m, w, nil)
	}
	return q, err
}

// judge measures how far a model with changes agrees with its original. Where a target was asked
// for, a lock that is at it holds.
func (p *prepared) judge(ctx context.Context, m *onnxio.Model, changes []perturb.Change, family string, target float64, w *gradient.Workers) (FamilyScore, error) {
	f := FamilyScore{Family: family, Samples: p.set.Len(), By: "values"}
	if p.task.Traits().Classes {
		f.By = "answers"
	}
	session, err := p.session(m, changes, p.set, w)
	if err != nil {
		return f, err
	}
	s, err := (&task.Evaluator{Task: p.task, Session: session}).Measure(ctx, p.set, nil)
	if err != nil {
		return f, err
	}
	f.Agreement = beyondChance(s)
	spare := 0.0
	if f.By == "values" { // as much as the search may leave (verdict)
		spare = slack
	}
	f.Intact = f.Agreement > madeUpIntact && s.Quality > max(s.Useless()+spare, target)
	if !f.Intact && s.Translated > max(renamedIntact, target) {
		f.By, f.Agreement, f.Intact = "renamed answers", s.Translated, true
	}
	return f, nil
}
