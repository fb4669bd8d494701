package attack

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Resets need no training. The attacker looks for weights that seem to have been changed and
// sets them to an ordinary value.

// resetOutliers resets weights that are many standard deviations from the mean
// of their tensor, to that mean or to the limit.
func resetOutliers(*lab) []variant {
	var list []variant
	for _, z := range []float64{2.5, 3, 4, 5, 6} {
		for _, clip := range []bool{false, true} {
			list = append(list, outliers(z, clip))
		}
	}
	return list
}

func outliers(z float64, clip bool) variant {
	name := fmt.Sprintf("|z| > %g to the mean", z)
	if clip {
		name = fmt.Sprintf("|z| > %g to the limit", z)
	}
	return variant{name: name, change: func(_ context.Context, l *lab) (string, error) {
		count := 0
		for _, tensor := range l.names {
			count += resetFar(l.values(tensor), z, clip)
		}
		return fmt.Sprintf("%d weights", count), nil
	}}
}

// resetFar resets the elements of x that are outliers, and returns their number.
func resetFar(x []float32, z float64, clip bool) (count int) {
	mean, deviation := spread(x)
	limit := z * deviation
	for i, v := range x {
		d := float64(v) - mean
		if math.Abs(d) <= limit {
			continue
		}
		count++
		x[i] = float32(mean)
		if clip {
			x[i] = float32(mean + math.Copysign(limit, d))
		}
	}
	return count
}

// resetExtremes resets the smallest and largest elements of each tensor. A search that keeps
// values in the range of their tensor changes them to the ends.
func resetExtremes(*lab) []variant {
	var list []variant
	for _, k := range []int{1, 2, 4, 8, 16} {
		list = append(list, variant{
			name: fmt.Sprintf("%d at each end to the median", k),
			change: func(_ context.Context, l *lab) (string, error) {
				count := 0
				for _, tensor := range l.names {
					if x := l.values(tensor); len(x) >= 8*k {
						resetEnds(x, k)
						count += 2 * k
					}
				}
				return fmt.Sprintf("%d weights", count), nil
			},
		})
	}
	return list
}

// resetEnds sets the k smallest and k largest elements to the median.
func resetEnds(x []float32, k int) {
	order := ascending(x)
	middle := x[order[len(x)/2]]
	for i := range k {
		x[order[i]], x[order[len(x)-1-i]] = middle, middle
	}
}

// ascending returns the indices of x in the order of its elements.
func ascending(x []float32) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	return order
}

// resetGradient zeroes the weights of largest |gradient × weight|: those whose
// removal changes the loss most, to first order.
func resetGradient(*lab) []variant {
	var list []variant
	for _, n := range []int{1, 4, 16, 64, 256} {
		list = append(list, variant{name: fmt.Sprintf("top %d", n), change: func(ctx context.Context, l *lab) (string, error) {
			return l.zeroTop(ctx, n)
		}})
	}
	return append(list, zeroShare(0.001), zeroShare(0.01))
}

func zeroShare(share float64) variant {
	return variant{name: "top " + percent(share) + " of |gradient × weight|", change: func(ctx context.Context, l *lab) (string, error) {
		return l.zeroTop(ctx, l.count(share))
	}}
}

func (l *lab) zeroTop(ctx context.Context, n int) (string, error) {
	top, err := l.topProducts(ctx, n)
	for _, s := range top {
		l.values(s.tensor)[s.index] = 0
	}
	return fmt.Sprintf("%d weights", len(top)), err
}

// resetTune resets weights and then trains all of them.
func resetTune(*lab) []variant {
	list := []variant{zeroShare(0.001), zeroShare(0.01), outliers(3, false)}
	for i := range list {
		list[i].tune = everything
	}
	return list
}

// site is the place of a weight.
type site struct {
	tensor string
	index  int
}

// count returns a share of the weights as a number, at least one.
func (l *lab) count(share float64) int {
	n := 0
	for _, name := range l.names {
		n += len(l.values(name))
	}
	return max(1, int(share*float64(n)))
}

// topProducts returns the n weights of largest |gradient × weight|, in the order
// of the file.
func (l *lab) topProducts(ctx context.Context, n int) ([]site, error) {
	return l.top(ctx, n, func(_ string, w, g float32) float32 { return magnitude(g * w) })
}

// top returns the n weights of largest score, or fewer if fewer scores are positive, in the
// order of the file. score takes an element and its gradient.
func (l *lab) top(ctx context.Context, n int, score func(name string, w, g float32) float32) ([]site, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return nil, err
	}
	scores := map[string][]float32{}
	var all []float32
	for _, name := range l.names {
		w := l.values(name)
		for i, g := range grads[name] {
			scores[name] = append(scores[name], score(name, w[i], g))
		}
		all = append(all, scores[name]...)
	}
	slices.Sort(all)
	limit := all[max(len(all)-n, 0)]
	var top []site
	for _, name := range l.names {
		for i, s := range scores[name] {
			if s >= limit && s > 0 && len(top) < n {
				top = append(top, site{name, i})
			}
		}
	}
	return top, nil
}
