package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
)

// Counts compare answers with labels. Both are classes, counted from 0.
type Counts struct {
	// Answered, Labelled and Both count, by class, the answers, the labels, and the
	// samples where answer and label agree.
	Answered, Labelled, Both []int
	Right, N                 int // right answers, and all
}

// NewCounts returns empty counts for some classes.
func NewCounts(classes int) *Counts {
	return &Counts{Answered: make([]int, classes), Labelled: make([]int, classes), Both: make([]int, classes)}
}

// Add counts an answer. A label beyond the classes counts as wrong.
func (c *Counts) Add(answer, label int) {
	c.N++
	c.Answered[answer]++
	if label < len(c.Labelled) {
		c.Labelled[label]++
	}
	if answer == label {
		c.Right++
		c.Both[label]++
	}
}

// classes returns the counts class by class.
func (c *Counts) classes() []Class {
	list := make([]Class, len(c.Labelled))
	for k := range list {
		list[k] = Class{Samples: c.Labelled[k], Correct: c.Both[k], Answered: c.Answered[k]}
	}
	return list
}

// Accuracy returns the share of right answers.
func (c *Counts) Accuracy() float64 { return float64(c.Right) / float64(max(c.N, 1)) }

// Chance returns the accuracy of answers as frequent as these, given at random:
// Σ_k P(answer = k)·P(label = k).
func (c *Counts) Chance() float64 {
	sum := 0.0
	for k := range c.Answered {
		sum += float64(c.Answered[k]) * float64(c.Labelled[k])
	}
	return sum / max(1, float64(c.N)*float64(c.N))
}

// manyClasses is the largest accuracy beyond chance that counts as useless because a
// constant answer has it.
const manyClasses = 0.03

// constant returns the accuracy of always giving the most frequent label, less two standard
// deviations, so that few samples do not make up a frequent label.
func (c *Counts) constant() float64 {
	p := share(slices.Max(c.Labelled), c.N)
	return p - 2*math.Sqrt(p*(1-p)/float64(max(c.N, 1)))
}

// blind returns the accuracy of the better of two ways to answer without looking: always the
// most frequent label, or at random, as often as these answers.
func (c *Counts) blind() float64 { return max(c.constant(), c.Chance()) }

// Kappa returns Cohen's kappa: 0 for answers given at random, 1 for right ones.
func (c *Counts) Kappa() float64 {
	chance := c.Chance()
	if chance >= 1 {
		return 0
	}
	return (c.Accuracy() - chance) / (1 - chance)
}

// IoU returns the intersection over union, as a mean over the classes that occur, and its
// value for answers as frequent as these, given at random.
func (c *Counts) IoU() (mean, chance float64) {
	occurring := 0
	for k, labelled := range c.Labelled {
		union := c.Answered[k] + labelled - c.Both[k]
		if labelled == 0 {
			continue
		}
		occurring++
		mean += float64(c.Both[k]) / float64(union)
		a, l := float64(c.Answered[k])/float64(c.N), float64(labelled)/float64(c.N)
		chance += a * l / (a + l - a*l)
	}
	n := float64(max(occurring, 1))
	return mean / n, chance / n
}

// F1 returns the harmonic mean of precision and recall, as a mean over the classes that occur,
// and its value for answers as frequent as these, given at random.
func (c *Counts) F1() (mean, chance float64) {
	occurring := 0
	for k, labelled := range c.Labelled {
		if labelled == 0 {
			continue
		}
		occurring++
		both := float64(c.Answered[k] + labelled)
		mean += 2 * float64(c.Both[k]) / both
		chance += 2 * float64(c.Answered[k]) * float64(labelled) / (both * float64(c.N))
	}
	n := float64(max(occurring, 1))
	return mean / n, chance / n
}

// luck is the accuracy that a useless model may have beyond chance, where samples are many.
const luck = 0.01

// mostLuck is that where samples are few.
const mostLuck = 0.03

// luck returns the accuracy that a useless model may have beyond chance: luck, or two standard
// deviations of the accuracy of a model that knows nothing, if that is more. An accuracy within
// that is no sign that a model knows anything; a search that goes on chooses changes by what
// these samples happen to be.
func (c *Counts) luck(chance float64) float64 {
	return max(luck, min(2*math.Sqrt(chance*(1-chance)/float64(max(c.N, 1))), mostLuck))
}

// answer counts the answer that logits give.
func (c *Counts) answer(logits []float32, label int) { c.Add(gradient.ArgMax(logits), label) }
