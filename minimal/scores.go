package minimal

import (
	"context"

	"github.com/advparams/advparams/samples"
)

// Where one answer wins on all samples that are made up, another one may win on real samples. And a
// constant that was added to a score is no lock: who subtracts it has all answers again. So a lock
// that has seen no real data also has to hold for the scores that answers are chosen by.

// scoresIntact is the agreement above which scores say what they said.
const scoresIntact = samples.Intact + Slack

// holdScores measures how far scores agree on families of made-up samples that the lock was judged
// on, and reports whether they do on any. Unless it is the last time, it goes on with those families.
// It takes them together: one by one, each has the search fit its samples, and undo some of what it
// did for others, for many times as many changes.
func (l *Lock) holdScores(ctx context.Context, judged []*samples.Prepared, last bool) (agree bool, err error) {
	if !l.from.Data.MadeUp || !l.Samples.Task.Traits().Classes || l.opt.Target != 0 {
		return false, nil
	}
	for _, differences := range []bool{false, true} {
		by := "scores"
		if differences {
			by = "differences of scores"
		}
		var intact []*samples.Prepared
		for i, q := range judged {
			f := FamilyScore{Family: l.Families[i].Family, Samples: q.Set.Len(), By: by}
			if q, err = q.Scores(ctx, l.m, l.w, differences); err != nil {
				return false, err
			}
			if f.Agreement, err = l.left(ctx, q); err != nil {
				return false, err
			}
			if f.Intact = f.Agreement > scoresIntact; f.Intact {
				l.Families, intact = append(l.Families, f), append(intact, q)
			}
		}
		if len(intact) == 0 {
			continue
		}
		agree = true
		if last {
			continue
		}
		q, err := samples.Together(intact)
		if err != nil {
			return false, err
		}
		if q, err = q.Scores(ctx, l.m, l.w, differences); err != nil {
			return false, err
		}
		if err := l.goOn(ctx, q, l.opt.Allow, l.opt.MaxParams); err != nil {
			return false, err
		}
	}
	return agree, nil
}
