package attack

import (
	"context"
	"fmt"
)

// Training without any other idea: the attack that everybody tries first.

func fineTune(*lab) []variant { return []variant{{name: "all weights", tune: everything}} }

// longTimes is the number of times that a long schedule has the usual epochs.
const longTimes = 4

func fineTuneLong(*lab) []variant {
	return []variant{{name: fmt.Sprintf("all weights, %d × the epochs", longTimes), tune: everything, times: longTimes}}
}

func fineTuneLast(l *lab) []variant {
	if len(l.anatomy.layers) == 0 || len(l.namesIn(lastLayer)) == 0 {
		return nil
	}
	return []variant{{name: "last layer", tune: lastLayer}}
}

// sparseTune trains only the weights that the loss depends on most: the changed
// ones are likely among them, and with few weights to train little data does.
func sparseTune(*lab) []variant {
	var list []variant
	for _, share := range []float64{0.001, 0.01, 0.1} {
		list = append(list, variant{
			name: "top " + percent(share) + " of |gradient × weight|",
			tune: everything,
			only: func(ctx context.Context, l *lab) (map[string][]bool, error) {
				top, err := l.topProducts(ctx, l.count(share))
				if err != nil {
					return nil, err
				}
				marks := map[string][]bool{}
				for _, name := range l.names {
					marks[name] = make([]bool, len(l.values(name)))
				}
				for _, s := range top {
					marks[s.tensor][s.index] = true
				}
				return marks, nil
			},
		})
	}
	return list
}
