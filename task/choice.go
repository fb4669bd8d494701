package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// softAccuracy returns the mean over samples of σ(margin/τ). The margin is the logit of
// the true class minus the largest other logit, or minus the next if so many classes may be
// ahead. For τ → 0 the mean is the accuracy, or that among as many answers and one. Unlike
// cross-entropy, it does not reward moving samples further away that are wrong already; a
// search needs a third of the changes with it (docs/method.md). Samples with a negative
// label do not count.
func softAccuracy(labels []int, tau float64, ahead int) gradient.Loss {
	return gradient.PerSample(labels, rightness(tau, ahead))
}

// rightness returns σ(margin/τ) of one sample as a function.
func rightness(tau float64, ahead int) func(logits, seed []float32, label int) float64 {
	return func(logits, seed []float32, label int) float64 {
		rival := rivalOf(logits, label, min(ahead, len(logits)-2))
		if rival < 0 {
			return 1 // a single class is always right
		}
		return lead(logits, seed, label, rival, tau)
	}
}

// lead returns σ(margin/τ) for the margin of a logit over another, and adds its gradient to seed if
// that is not nil.
func lead(logits, seed []float32, given, rival int, tau float64) float64 {
	s := 1 / (1 + math.Exp(-float64(logits[given]-logits[rival])/tau))
	if s != s { // inf - inf or NaN: nobody can use such an answer
		return 0
	}
	if seed != nil {
		g := float32(s * (1 - s) / tau)
		seed[given] += g
		seed[rival] -= g
	}
	return s
}

// rivalOf returns the class other than a given one that has the largest logit, but for as many
// others as are ahead of it, fewer than mostWithout; -1 if there is none.
func rivalOf(logits []float32, label, ahead int) int {
	rival := -1
	if ahead <= 0 {
		for k, v := range logits {
			if k != label && (rival < 0 || v > logits[rival]) {
				rival = k
			}
		}
		return rival
	}
	r := rankedOf(logits, label)
	for _, k := range r.best {
		if int(k) != label {
			rival, ahead = int(k), ahead-1
		}
		if ahead < 0 || k < 0 {
			break
		}
	}
	return rival
}

// margin returns the logit of a class minus the largest other logit.
func margin(logits []float32, class int) float64 {
	rival := math.Inf(-1)
	for k, v := range logits {
		if k != class {
			rival = max(rival, float64(v))
		}
	}
	if class >= len(logits) {
		return math.Inf(-1)
	}
	return float64(logits[class]) - rival
}

// temperature returns half the median of absolute margins: a τ at which most of them are
// on the slope of the sigmoid.
func temperature(margins []float64) float64 {
	return max(1e-3, 0.5*median(margins))
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if len(x) == 0 {
		return 0
	}
	return x[len(x)/2]
}

// choices tallies answers that are one of several classes.
type choices struct {
	counts  *Counts
	margins []float64 // absolute
	ranked  []ranked  // of as many answers as margins
	nats    float64   // sum of the cross-entropies; Classification leaves it 0
}

// add counts one answer, the largest of logits.
func (c *choices) add(logits []float32, label int) {
	if c.counts == nil {
		c.counts = NewCounts(len(logits))
	}
	c.counts.answer(logits, label)
	c.keep(logits, label)
}

// keep keeps what Scale and Rest need of an answer.
func (c *choices) keep(logits []float32, label int) {
	c.margins = append(c.margins, math.Abs(margin(logits, label)))
	c.ranked = append(c.ranked, rankedOf(logits, label))
}

func (c *choices) Scale() float64 { return temperature(c.margins) }

// crossEntropy returns the cross-entropy of one answer in nats, at most that of a
// probability of 10⁻³⁰⁰.
func crossEntropy(logits []float32, label int) float64 {
	const most = 690
	top := math.Inf(-1)
	for _, v := range logits {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	if h := math.Log(sum) - (float64(logits[label]) - top); h < most {
		return h
	}
	return most // NaN as well
}

// labelsOf returns a truth of one class a sample as gradient.PerSample takes it.
func labelsOf(truth nd.Array) ([]int, error) {
	classes, err := integers(truth)
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(classes))
	for i, c := range classes {
		labels[i] = int(c)
	}
	return labels, nil
}

// filled extends labels to the number of rows in a batch with labels that do not count.
func filled(labels []int, rows int) []int {
	if len(labels) >= rows {
		return labels
	}
	return append(slices.Clone(labels), slices.Repeat([]int{-1}, rows-len(labels))...)
}
