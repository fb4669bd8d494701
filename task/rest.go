package task

import (
	"cmp"
	"math"
	"slices"
)

// A few changes may make one answer win everywhere and leave the others as they were. Who leaves
// that answer out reads the rest, without data and without training.

// Rest is what a classifier is worth to somebody who leaves out the answers that it gives most
// often.
type Rest struct {
	Without  []int   // the answers that are left out, the most frequent first; nil if nothing is known
	Accuracy float64 // of the likeliest ones of the others, over all samples
	Beyond   float64 // of that, what always giving the most frequent label does not have
}

// mostWithout is the number of answers that are left out at most.
const mostWithout = 3

// ranked is the likeliest answers for a sample, the best first, and its label.
type ranked struct {
	best  [mostWithout + 1]int32
	label int32
}

func rankedOf(logits []float32, label int) ranked {
	r := ranked{label: int32(label)}
	var top [mostWithout + 1]float32
	for i := range r.best {
		r.best[i], top[i] = -1, float32(math.Inf(-1))
	}
	for k, v := range logits {
		at := len(top)
		for at > 0 && (v > top[at-1] || r.best[at-1] < 0 && v == v) {
			at--
		}
		if at < len(top) {
			copy(top[at+1:], top[at:])
			copy(r.best[at+1:], r.best[at:])
			top[at], r.best[at] = v, int32(k)
		}
	}
	return r
}

// restOf returns what samples are worth without one, two or three of the most frequent answers,
// whichever is most. At least two answers are left.
func restOf(list []ranked, c *Counts) (rest Rest) {
	classes := len(c.Labelled)
	order := make([]int, classes)
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.Answered[b], c.Answered[a]) })
	for k := 1; k <= min(mostWithout, classes-2); k++ {
		right := 0
		for _, r := range list {
			if r.without(order[:k]) == r.label {
				right++
			}
		}
		if accuracy := float64(right) / float64(max(len(list), 1)); accuracy > rest.Accuracy {
			rest = Rest{Without: order[:k:k], Accuracy: accuracy}
		}
	}
	rest.Beyond = rest.Accuracy - share(slices.Max(c.Labelled), c.N)
	return rest
}

// without returns the likeliest answer that is not one of some, at most mostWithout; -1 if there
// is none.
func (r *ranked) without(answers []int) int32 {
	for _, k := range r.best {
		if !slices.Contains(answers, int(k)) {
			return k
		}
	}
	return -1
}
