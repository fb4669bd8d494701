package attack

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Smoothing or rounding weights removes changes that stand out from their neighbours, even
// if not from their tensor. Filters of images are smooth. Most other weights are not, and
// suffer.

// smooth replaces weights by the median of themselves and their two neighbours: all of
// them, or those whose distance from it is more than some standard deviations of that
// distance.
func smooth(*lab) []variant {
	var list []variant
	for _, far := range []float64{0, 2, 3} {
		for _, tune := range []scope{nothing, everything} {
			if far == 0 && tune == everything {
				continue // leaves little to start from
			}
			name := "all weights"
			if far > 0 {
				name = fmt.Sprintf("weights beyond %g deviations", far)
			}
			list = append(list, variant{name: name, tune: tune, change: func(_ context.Context, l *lab) (string, error) {
				count := 0
				for _, tensor := range l.names {
					if l.anatomy.role(tensor) == factor {
						a, _ := l.weights.Array(tensor)
						count += smoothRows(a.Float32s(), a.Shape[len(a.Shape)-1], far)
					}
				}
				return fmt.Sprintf("%d weights", count), nil
			}})
		}
	}
	return list
}

// smoothRows smooths a tensor along rows of n elements, or as one row if rows are shorter
// than three. It returns the number of elements that changed.
func smoothRows(x []float32, n int, far float64) (count int) {
	medians := rowMedians(x, n)
	sum := 0.0
	for i, v := range x {
		d := float64(v - medians[i])
		sum += d * d
	}
	limit := far * math.Sqrt(sum/float64(max(len(x), 1)))
	for i, v := range x {
		if v != medians[i] && math.Abs(float64(v-medians[i])) >= limit {
			x[i] = medians[i]
			count++
		}
	}
	return count
}

// rowMedians returns, for each element, the median of it and its two neighbours in rows of
// n. At the ends of a row it is that of the three elements there.
func rowMedians(x []float32, n int) []float32 {
	if n < 3 {
		n = len(x)
	}
	out := slices.Clone(x)
	if n < 3 {
		return out
	}
	for i := range x {
		middle := i - i%n + min(max(i%n, 1), n-2)
		three := slices.Clone(x[middle-1 : middle+2])
		slices.Sort(three)
		out[i] = three[1]
	}
	return out
}

// requantise rounds weights to a few levels between the ends of their tensor's range.
func requantise(*lab) []variant {
	var list []variant
	for _, bits := range []int{8, 6, 5, 4, 3} {
		list = append(list, rounded(bits))
	}
	tuned := rounded(4)
	tuned.tune = everything
	return append(list, tuned)
}

func rounded(bits int) variant {
	return variant{name: fmt.Sprintf("%d bits", bits), change: func(_ context.Context, l *lab) (string, error) {
		for _, tensor := range l.names {
			round(l.values(tensor), bits)
		}
		return "", nil
	}}
}

// round rounds elements to 2^bits levels, the smallest and the largest among
// them.
func round(x []float32, bits int) {
	if len(x) == 0 {
		return
	}
	low, high := float64(slices.Min(x)), float64(slices.Max(x))
	step := (high - low) / float64(int(1)<<bits-1)
	if !(step > 0) || math.IsInf(step, 0) {
		return
	}
	for i, v := range x {
		x[i] = float32(low + step*math.Round((float64(v)-low)/step))
	}
}
