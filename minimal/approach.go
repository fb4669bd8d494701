package minimal

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/perturb"
)

// wholeSearch is Progress.Total of a search, toTarget the part of it until the first set of
// changes reaches the target. After that, fewer changes are looked for.
const (
	wholeSearch = 1000
	toTarget    = 700
)

// approach is how far a search has come.
type approach struct {
	share float64 // of the way to the target: the farthest so far
	best  int     // changes with which the target is reached; 0 as long as there are none
	tries int     // since then
}

// step goes on to a state of the search. A change lowers the quality by a factor rather than by
// a difference, so that the way is measured in logarithms.
func (a *approach) step(now perturb.Progress) {
	if a.best > 0 {
		a.tries++
	}
	switch {
	case now.Reached:
		a.share = 1
		if a.best == 0 || now.Changed < a.best {
			a.best = now.Changed
		}
	case now.Before > now.Target && now.Target > 0:
		a.share = max(a.share, min(math.Log(now.Before/now.Accuracy)/math.Log(now.Before/now.Target), 1))
	case now.Before > now.Target:
		a.share = max(a.share, (now.Before-now.Accuracy)/(now.Before-now.Target))
	}
}

// done is Progress.Done. How many attempts there are with fewer changes is not known, and each
// moves it by a part of what is left.
func (a *approach) done() int {
	rest := float64(wholeSearch - toTarget - 1)
	return int(math.Round(toTarget*a.share + rest*(1-math.Pow(0.9, float64(a.tries)))))
}

// text describes a state of the search.
func (a *approach) text(now perturb.Progress, quality string) string {
	state := fmt.Sprintf("%d changed, %s %.2f %%, target %.2f %%", now.Changed, quality, 100*now.Accuracy, 100*now.Target)
	if a.best > 1 && a.tries > 0 {
		return fmt.Sprintf("%d changed reach it, trying fewer", a.best)
	}
	return state
}
