package attack

import (
	"context"
	"fmt"
	"slices"
)

// The ranking of the search, run on the locked model. The weights that the loss depends on
// most, by gradient × distance from the median of their tensor, get an estimate of their
// original value: the median of the tensor, the mean of the weights of the same unit, or
// the quantile of the tensor that lowers the loss most.

func reestimate(l *lab) []variant {
	var list []variant
	for _, to := range []struct {
		name  string
		value func(l *lab, s site) float32
	}{{"the median of the tensor", medianOf}, {"the mean of the unit", unitMean}} {
		for _, n := range []int{16, 64, 256} {
			list = append(list, estimated(fmt.Sprintf("top %d", n), to.name, func(*lab) int { return n }, to.value))
		}
		for _, share := range []float64{0.005, 0.01} {
			v := estimated("top "+percent(share), to.name, func(l *lab) int { return l.count(share) }, to.value)
			list = append(list, v)
			v.tune = everything
			list = append(list, v)
		}
	}
	searched := variant{name: "top 64 to the best of five quantiles", change: bestQuantiles, tries: quantileTop * (quantileTries + 1) * min(repairFine, l.train.Len())}
	list = append(list, searched)
	searched.tune = everything
	return append(list, searched)
}

const (
	quantileTop   = 64 // weights that quantiles are tried for
	quantileTries = 5
)

func estimated(which, to string, n func(*lab) int, value func(*lab, site) float32) variant {
	return variant{name: which + " to " + to, change: func(ctx context.Context, l *lab) (string, error) {
		top, err := l.topDistances(ctx, n(l))
		if err != nil {
			return "", err
		}
		now := make([]float32, len(top)) // before any is altered
		for i, s := range top {
			now[i] = value(l, s)
		}
		for i, s := range top {
			l.values(s.tensor)[s.index] = now[i]
		}
		return fmt.Sprintf("%d weights", len(top)), nil
	}}
}

func medianOf(l *lab, s site) float32 { return quantile(l.values(s.tensor), 0.5) }

func quantile(x []float32, share float64) float32 {
	sorted := slices.Sorted(slices.Values(x))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}

// unitMean returns the mean of the weights of the same unit, or of the tensor if it has no
// units.
func unitMean(l *lab, s site) float32 {
	y := l.anatomy.layerOf(s.tensor)
	sum, n := 0.0, 0
	for i, v := range l.values(s.tensor) {
		if y == nil || y.units == 0 || y.unitOf(i) == y.unitOf(s.index) {
			sum += float64(v)
			n++
		}
	}
	return float32(sum / float64(n))
}

// topDistances returns the n weights of largest |gradient × distance from the
// median|.
func (l *lab) topDistances(ctx context.Context, n int) ([]site, error) {
	medians := map[string]float32{}
	for _, name := range l.names {
		medians[name] = quantile(l.values(name), 0.5)
	}
	return l.top(ctx, n, func(name string, w, g float32) float32 { return magnitude(g * (w - medians[name])) })
}

// bestQuantiles sets each weight at the top of the ranking, one after the other, to the
// quantile of its tensor that lowers the loss most, if one does.
func bestQuantiles(ctx context.Context, l *lab) (string, error) {
	top, err := l.topDistances(ctx, quantileTop)
	if err != nil {
		return "", err
	}
	t, err := l.newTrial(repairFine)
	if err != nil {
		return "", err
	}
	count := 0
	for _, s := range top {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		var list []reset
		for _, share := range []float64{0.02, 0.25, 0.5, 0.75, 0.98} {
			list = append(list, reset{site: s, value: quantile(l.values(s.tensor), share)})
		}
		if err := t.try(l, list); err != nil {
			return "", err
		}
		if best := slices.MinFunc(list, byGain); best.gain > 0 {
			l.values(s.tensor)[s.index] = best.value
			if err := t.refresh(s.tensor); err != nil {
				return "", err
			}
			count++
		}
	}
	return fmt.Sprintf("%d weights", count), nil
}
