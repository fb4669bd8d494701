package task

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Joint counts samples by their answer and label.
type Joint map[Both]int

// Both is the answer and the label of a sample.
type Both struct{ Answer, Label int }

// Information returns the mutual information between answers and labels in bits,
// estimated from their joint frequencies: Σ P(a,l)·log2(P(a,l) / (P(a)·P(l))). It is 0 if
// the answers tell nothing. The estimate on n samples is too high by about
// (classes-1)²/(1.4·n).
func (j Joint) Information() float64 {
	order := slices.SortedFunc(maps.Keys(j), func(a, b Both) int { // sums of floats depend on it
		return cmp.Or(cmp.Compare(a.Answer, b.Answer), cmp.Compare(a.Label, b.Label))
	})
	answered, labelled, n := map[int]float64{}, map[int]float64{}, 0.0
	for _, p := range order {
		k := float64(j[p])
		answered[p.Answer] += k
		labelled[p.Label] += k
		n += k
	}
	sum := 0.0
	for _, p := range order {
		k := float64(j[p])
		sum += k / n * math.Log2(k*n/(answered[p.Answer]*labelled[p.Label]))
	}
	return max(sum, 0) // not -1e-17
}

// Halves are the joint counts of the samples with even numbers and of those with odd
// numbers.
type Halves [2]Joint

// NewHalves returns empty counts.
func NewHalves() *Halves { return &Halves{Joint{}, Joint{}} }

// Add counts the answer and the label of a sample with a number.
func (h *Halves) Add(number, answer, label int) { h[number%2][Both{answer, label}]++ }

// Joint returns the counts of all samples.
func (h *Halves) Joint() Joint {
	sum := maps.Clone(h[0])
	for p, k := range h[1] {
		sum[p] += k
	}
	return sum
}

// Translated returns the accuracy of answers that are each replaced by the label they
// mostly stand for, minus the accuracy of always giving the most frequent label. The
// translation is learned from one half and tried on the other, both ways, so that answers
// given at random have 0 or less.
func (h *Halves) Translated() float64 {
	right, constant, n := 0, 0, 0
	for i, learned := range h {
		label, most := learned.translation()
		for p, k := range h[1-i] {
			n += k
			if l, ok := label[p.Answer]; ok && l == p.Label {
				right += k
			}
			if p.Label == most {
				constant += k
			}
		}
	}
	return float64(right-constant) / float64(max(n, 1))
}

// translation returns the most frequent label for each answer, and that of all samples.
// Of several it takes the smallest.
func (j Joint) translation() (by map[int]int, of int) {
	by = map[int]int{}
	all, best := map[int]int{}, map[int]int{}
	for p, k := range j {
		all[p.Label] += k
		if l, ok := by[p.Answer]; !ok || k > best[p.Answer] || k == best[p.Answer] && p.Label < l {
			by[p.Answer], best[p.Answer] = p.Label, k
		}
	}
	of = -1
	for l, k := range all {
		if of < 0 || k > all[of] || k == all[of] && l < of {
			of = l
		}
	}
	return by, of
}
