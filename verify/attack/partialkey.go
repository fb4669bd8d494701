package attack

import (
	"context"
	"fmt"
	"slices"
)

// partialKey is the attack of a thief who has some of the changes. What each share gives
// back tells whether a key may be split among several holders.
func partialKey(l *lab) []variant {
	changed := l.changes()
	if len(changed) == 0 {
		return nil
	}
	l.seeded("partial-key").Shuffle(len(changed), func(i, j int) { changed[i], changed[j] = changed[j], changed[i] })
	var list []variant
	for _, tune := range []scope{nothing, everything} {
		for _, share := range []float64{0.25, 0.5, 0.75} {
			n := int(share * float64(len(changed)))
			if n == 0 {
				continue // no part at all
			}
			list = append(list, variant{
				name: percent(share) + " of the changes taken back",
				tune: tune,
				change: func(_ context.Context, l *lab) (string, error) {
					for _, s := range changed[:n] {
						a, _ := l.opt.Original.Array(s.tensor)
						l.values(s.tensor)[s.index] = a.Float32s()[s.index]
					}
					return fmt.Sprintf("%d of %d weights", n, len(changed)), nil
				},
			})
		}
	}
	return list
}

// knownPlaces knows where the changes are and sets these weights to ordinary values before
// training: the mean of the others of their tensor, or random values with their mean and
// deviation. Its result bounds that of attacks which look for the changes.
func knownPlaces(l *lab) []variant {
	changed := l.changes()
	if len(changed) == 0 {
		return nil
	}
	give := func(name string, random float64) variant {
		return variant{name: name, tune: everything, change: func(_ context.Context, l *lab) (string, error) {
			l.giveOrdinary(changed, random)
			return fmt.Sprintf("%d weights", len(changed)), nil
		}}
	}
	return []variant{give("changed weights to the mean", 0), give("changed weights drawn anew", 1)}
}

// giveOrdinary sets weights to the mean of the others of their tensor plus a random number
// of standard deviations.
func (l *lab) giveOrdinary(changed []site, random float64) {
	by := map[string][]int{}
	for _, s := range changed {
		by[s.tensor] = append(by[s.tensor], s.index)
	}
	for _, tensor := range l.names { // in a fixed order, for the random numbers
		x, rest := l.values(tensor), newMoments(1)
		for i, v := range x {
			if _, is := slices.BinarySearch(by[tensor], i); !is {
				rest.take(0, v)
			}
		}
		mean, deviation := rest.of(0)
		if rest.n[0] == 0 { // all of them were changed
			mean, deviation = spread(x)
		}
		for _, i := range by[tensor] {
			x[i] = float32(mean + random*deviation*l.rng.NormFloat64())
		}
	}
}

// changes returns where the locked weights differ from the original ones.
func (l *lab) changes() []site {
	var list []site
	for _, name := range l.weights.Names() {
		a, ok := l.opt.Original.Array(name)
		if !ok || a.Len() != len(l.values(name)) || l.source(name) {
			continue
		}
		for i, x := range a.Float32s() {
			if x != l.values(name)[i] {
				list = append(list, site{name, i})
			}
		}
	}
	return list
}
