// Package swaps finds pairs of weights to exchange. Who locks a model looks for
// those that raise a loss, who attacks it for those that lower it.
package swaps

import (
	"cmp"
	"math"
	"slices"
)

// Pair is an exchange of two elements of a tensor. Gain is what the objective
// falls by, to first order.
type Pair struct {
	Tensor string
	I, J   int
	Gain   float64
}

// Tensor is one that pairs are sought in.
type Tensor struct {
	Name    string
	Weights []float32
	Grad    []float32      // of the objective, which is to fall
	Quota   int            // pairs at most
	Fixed   func(int) bool // elements that stay where they are; nil: none
}

// Most is the number of pairs of a tensor that Best chooses at most, and pool the
// number of elements that they are made of.
const (
	Most = pool / 2
	pool = 128
)

// Best returns the n pairs with the largest gain within the quotas; fewer if
// there are not as many. No element is in two of them.
func Best(tensors []Tensor, n int) []Pair {
	var all []Pair
	quota := map[string]int{}
	for _, t := range tensors {
		if t.Quota > 0 && t.Grad != nil {
			all = append(all, t.pairs()...)
			quota[t.Name] = t.Quota
		}
	}
	slices.SortStableFunc(all, func(a, b Pair) int { return cmp.Compare(b.Gain, a.Gain) })
	type site struct {
		tensor string
		index  int
	}
	taken := map[site]bool{}
	var chosen []Pair
	for _, p := range all {
		a, b := site{p.Tensor, p.I}, site{p.Tensor, p.J}
		if len(chosen) == n {
			break
		}
		if taken[a] || taken[b] || quota[p.Tensor] == 0 {
			continue
		}
		taken[a], taken[b] = true, true
		quota[p.Tensor]--
		chosen = append(chosen, p)
	}
	return chosen
}

// pairs returns the exchanges that lower the objective, to first order. They are
// made of the elements with the largest gradient × distance from the mean: the
// gain of a pair is the sum of these, plus what the two have in common.
func (t *Tensor) pairs() []Pair {
	w, g := t.Weights, t.Grad
	var free []int
	mean := 0.0
	for i := range g {
		if (t.Fixed == nil || !t.Fixed(i)) && finite(g[i]) && finite(w[i]) {
			free = append(free, i)
			mean += float64(w[i])
		}
	}
	mean /= float64(max(len(free), 1))
	score := func(i int) float64 { return float64(g[i]) * (float64(w[i]) - mean) }
	slices.SortStableFunc(free, func(a, b int) int { return cmp.Compare(score(b), score(a)) })
	free = free[:min(len(free), pool)]
	var list []Pair
	for x, i := range free {
		for _, j := range free[:x] {
			if gain := (float64(g[i]) - float64(g[j])) * (float64(w[i]) - float64(w[j])); gain > 0 {
				list = append(list, Pair{t.Name, i, j, gain})
			}
		}
	}
	return list
}

func finite(v float32) bool { return !math.IsInf(float64(v), 0) && v == v }
