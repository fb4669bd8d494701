package attack

import (
	"context"
	"fmt"
)

// partialKey is the thief who got hold of some of the changes. How much each
// share gives back tells whether a key may be split among several holders.
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

// changes returns where the locked weights differ from the original ones.
func (l *lab) changes() []site {
	var list []site
	for _, name := range l.weights.Names() {
		a, ok := l.opt.Original.Array(name)
		if !ok || a.Len() != len(l.values(name)) {
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
