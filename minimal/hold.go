package minimal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/synth"
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
	By        string  `json:"by"`        // "answers" or "values" (OutputAgreement), "renamed answers", "scores" or "differences of scores"
	Agreement float64 `json:"agreement"` // 1: the same; 0: as far as chance goes
	Intact    bool    `json:"intact"`
}

// MadeUpError means that a model that was locked with samples that are made up, or that it
// was hardly right on, is still right on others. It wraps perturb.ErrTarget.
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

// Unwrap returns perturb.ErrTarget.
func (e *MadeUpError) Unwrap() error { return perturb.ErrTarget }

const (
	madeUpRounds  = 6    // of going on with made-up samples that the lock does not hold on
	costlyRounds  = 2    // where these samples take minutes
	againRounds   = 2    // after changes for other reasons
	variantRounds = 3    // of going on with samples in other scales
	madeUpIntact  = 0.1  // agreement above which a lock does not hold
	renamedIntact = 0.15 // accuracy beyond chance that renaming answers may give back
)

// Slack is the quality beyond that of a useless model which a lock may have on the samples of its
// search.
const Slack = 0.02

// hold judges the lock on other samples, and goes on with those that it does not hold on, for
// some rounds. others calls judge with each family of a round. The error is a *MadeUpError if
// the lock does not hold in the end.
func (l *Lock) hold(ctx context.Context, rounds int, others func(round int, judge func(family string, q *samples.Prepared) error) error) error {
	defer func() { l.held = len(l.Found.Changes) }()
	for round := range rounds {
		last, intact := round == rounds-1 || l.costly && round == costlyRounds-1, false
		l.Families = l.Families[:0]
		var judged []*samples.Prepared
		err := others(round, func(family string, q *samples.Prepared) error {
			f, err := l.judge(ctx, q, family)
			if err != nil {
				return err
			}
			l.Families, intact = append(l.Families, f), intact || f.Intact
			judged = append(judged, q)
			if f.Intact && !last {
				return l.goOn(ctx, q, l.opt.Allow, l.opt.MaxParams)
			}
			return nil
		})
		if err != nil {
			return err
		}
		agree, err := l.holdScores(ctx, judged, last)
		if err != nil {
			return err
		}
		intact = intact || agree
		// Later changes may have given back some of what the first took.
		if err := l.remeasure(ctx); err != nil {
			return err
		}
		if s := l.Found.Locked; !intact && !last && l.opt.Target == 0 && s.Quality > s.Useless()+Slack {
			intact = true
			if err := l.goOn(ctx, l.Samples, l.opt.Allow, l.opt.MaxParams); err != nil {
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
	return &MadeUpError{l.m.Path(), l.Families}
}

// holdMadeUp makes a lock that was found with made-up samples hold on families of them that the
// search has not seen.
func (l *Lock) holdMadeUp(ctx context.Context) error {
	if !l.from.Data.MadeUp {
		return nil
	}
	if err := l.level(ctx, general(l.m, l.opt.Allow)); err != nil {
		return err
	}
	return l.holdFamilies(ctx, 0, madeUpRounds)
}

// holdAgain judges a lock again that passes after holdMadeUp have added changes to: these may have
// given back what others took.
func (l *Lock) holdAgain(ctx context.Context) error {
	if !l.from.Data.MadeUp || len(l.Found.Changes) == l.held {
		return nil
	}
	if err := l.holdFamilies(ctx, madeUpRounds, againRounds); err != nil {
		return err
	}
	return l.lockScores(ctx)
}

// holdFamilies makes the lock hold on families of made-up samples in some rounds, of which the first
// has a number.
func (l *Lock) holdFamilies(ctx context.Context, begin, rounds int) error {
	one, err := l.Samples.Set.Batch(0, 1)
	if err != nil {
		return err
	}
	_, families := synth.Families(one[synth.Input(l.m, l.Samples.Look.Axes)].Shape[1:])
	if !l.Samples.Task.Traits().Classes {
		families = slices.DeleteFunc(families, func(f synth.Family) bool { return f == synth.DrawnDreams || f == synth.MixedDreams })
	}
	return l.hold(ctx, rounds, func(round int, judge func(string, *samples.Prepared) error) error {
		ranges := l.Samples.Ranges
		for i, family := range families {
			for k, within := range ranges {
				l.see.Report("judging on other samples", i*len(ranges)+k, len(families)*len(ranges), string(family))
				q, costly, err := l.from.Unseen(ctx, l.Samples.Head, family, within, l.from.Data.SeedOr(1)+uint64(1000*(begin+round+1)+100*k+i))
				if err != nil {
					return err
				}
				l.costly = l.costly || costly
				if err := judge(strings.TrimSpace(string(family+" "+synth.Family(within))), q); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// holdVariants makes the lock hold on the samples in other scales, if these may be the right ones.
func (l *Lock) holdVariants(ctx context.Context) error {
	if l.from.Data.MadeUp || !l.doubtful() {
		return nil
	}
	set := samples.First(l.Samples.Set, min(l.Samples.Set.Len(), samples.Judged))
	batch, err := set.Batch(0, set.Len())
	if err != nil {
		return err
	}
	return l.hold(ctx, variantRounds, func(_ int, judge func(string, *samples.Prepared) error) error {
		for _, v := range synth.Rescaled(batch) {
			q, err := l.Samples.Asked(ctx, l.m, set.WithInputs(v.Inputs), l.w)
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

// judge measures how far the locked model agrees with its original. Where a target was asked for, a
// lock that is at it holds.
func (l *Lock) judge(ctx context.Context, q *samples.Prepared, family string) (FamilyScore, error) {
	f := FamilyScore{Family: family, Samples: q.Set.Len(), By: "values"}
	if q.Task.Traits().Classes {
		f.By = "answers"
	}
	s, err := l.score(ctx, q)
	if err != nil {
		return f, err
	}
	f.Agreement = samples.BeyondChance(s)
	spare := 0.0
	if f.By == "values" { // as much as the search may leave (verdict)
		spare = Slack
	}
	f.Intact = f.Agreement > madeUpIntact && s.Quality > max(s.Useless()+spare, l.opt.Target)
	if !f.Intact && s.Translated > max(renamedIntact, l.opt.Target) {
		f.By, f.Agreement, f.Intact = "renamed answers", s.Translated, true
	}
	return f, nil
}
