package task

import (
	"cmp"
	"math"
	"slices"
)

// A few changes may make one answer win everywhere and leave the others as they were. Who leaves
// that answer out reads the rest, without data and without training.

// Rest is what a model that chooses among classes is worth to somebody who leaves out the answers
// that it gives most often. Texts have characters in place of answers.
type Rest struct {
	Without  []int   // the answers that are left out, the most frequent first; nil if nothing is known
	Accuracy float64 // of the likeliest ones of the others, over all samples
	// Beyond is what of that no blind answer has: that of always giving the most frequent label.
	// Where each sample has many answers, of which most may be one, it is Cohen's kappa.
	Beyond float64
}

// EveryAnswer returns a task whose objective does not fall because one answer wins everywhere. ok
// is false for tasks whose answers are no choices among classes.
func EveryAnswer(t Task) (every Task, ok bool) {
	chooses, ok := t.(interface{ everyAnswer() Task })
	if !ok {
		return t, false
	}
	return chooses.everyAnswer(), true
}

// mostWithout is the number of answers that are left out at most.
const mostWithout = 3

// ranked is the likeliest answers for a sample, the best first, and its label.
type ranked struct {
	best   [mostWithout + 1]int32
	label  int32
	margin float32 // of two classes, the score of the second less that of the first
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
	if len(logits) == 2 {
		r.margin = logits[1] - logits[0]
	}
	return r
}

// restOf returns what samples are worth without one, two or three of the most frequent answers,
// whichever is most. At least two answers are left.
func restOf(list []ranked, c *Counts) (rest Rest) {
	order := mostFrequent(c.Answered)
	for k := range order {
		if accuracy := countsWithout(list, order[:k+1], len(c.Labelled)).Accuracy(); accuracy > rest.Accuracy {
			rest = Rest{Without: order[: k+1 : k+1], Accuracy: accuracy}
		}
	}
	rest.Beyond = rest.Accuracy - share(slices.Max(c.Labelled), c.N)
	return rest
}

// restOfMany is restOf for samples with many answers each.
func restOfMany(list []ranked, c *Counts) (rest Rest) {
	order := mostFrequent(c.Answered)
	for k := range order {
		left := countsWithout(list, order[:k+1], len(c.Labelled))
		if kappa := left.Kappa(); rest.Without == nil || kappa > rest.Beyond {
			rest = Rest{Without: order[: k+1 : k+1], Accuracy: left.Accuracy(), Beyond: kappa}
		}
	}
	return rest
}

// mostFrequent returns the answers that may be left out, the most frequent first.
func mostFrequent(answered []int) []int {
	order := make([]int, len(answered))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(answered[b], answered[a]) })
	return order[:max(0, min(mostWithout, len(order)-2))]
}

// countsWithout counts the likeliest answers but some.
func countsWithout(list []ranked, answers []int, classes int) *Counts {
	c := NewCounts(classes)
	for _, r := range list {
		if k := r.without(answers); k >= 0 {
			c.Add(int(k), int(r.label))
		} else {
			c.N++ // no numbers
		}
	}
	return c
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
