package attack

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Pruning by magnitude (Han et al., arXiv 1506.02626) removes the smallest
// weights of all layers together; biases and normalisations stay.

func prune(*lab) []variant {
	var list []variant
	for _, share := range []float64{0.1, 0.2, 0.3, 0.5, 0.7, 0.9} {
		list = append(list, pruned(share))
	}
	return list
}

func pruneTune(*lab) []variant {
	var list []variant
	for _, share := range []float64{0.3, 0.5, 0.8} {
		v := pruned(share)
		v.tune, v.keep = everything, true
		list = append(list, v)
	}
	return list
}

func pruned(share float64) variant {
	return variant{
		name: percent(share) + " pruned",
		change: func(_ context.Context, l *lab) (string, error) {
			return fmt.Sprintf("%d weights", l.prune(share)), nil
		},
	}
}

// prune zeroes the given share of the layers' weights and returns their number.
func (l *lab) prune(share float64) int {
	var sizes []float32
	var tensors [][]float32
	for _, name := range l.names {
		if l.anatomy.role(name) != factor {
			continue
		}
		x := l.values(name)
		tensors = append(tensors, x)
		for _, v := range x {
			sizes = append(sizes, magnitude(v))
		}
	}
	n := int(share * float64(len(sizes)))
	if n == 0 {
		return 0
	}
	slices.Sort(sizes)
	limit, count := sizes[n-1], 0
	for _, x := range tensors {
		for i, v := range x {
			if magnitude(v) <= limit {
				x[i] = 0
				count++
			}
		}
	}
	return count
}

func magnitude(x float32) float32 { return float32(math.Abs(float64(x))) }

// percent writes a share as a percentage.
func percent(share float64) string { return fmt.Sprintf("%g %%", 100*share) }
