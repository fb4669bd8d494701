package task

import (
	"math"
	"slices"
)

// alignment sums the probabilities of all ways in which the steps of a sample can say a text:
// the characters in their order, each for one step or more, with any number of blanks between
// and around them, and at least one between equal ones (Graves et al., Connectionist Temporal
// Classification, ICML 2006).
type alignment struct {
	s      *steps
	sample int
	shift  float32 // by which the blank is lowered
	tau    float64 // that logits are divided by
	labels []int   // the text with blanks: b, c₁, b, c₂, … b
	alpha  []float64
	norm   []float64 // log of the sum of the exponentials of a step
	states int
}

func newAlignment(s *steps, sample int, text []int, shift float32, tau float64) *alignment {
	a := &alignment{s: s, sample: sample, shift: shift, tau: tau, labels: []int{s.blank}}
	for _, class := range text {
		a.labels = append(a.labels, class, s.blank)
	}
	a.states = len(a.labels)
	return a
}

// logit returns a logit at a step, as the alignment has it.
func (a *alignment) logit(step, class int) float64 {
	v := a.s.logits[(a.sample*a.s.t+step)*a.s.classes+class]
	if class == a.s.blank {
		v -= a.shift
	}
	return float64(v) / a.tau
}

// from returns how many states before a state a step may come from: 1 or 2 besides the
// state itself.
func (a *alignment) from(state int) int {
	if state >= 2 && a.labels[state] != a.s.blank && a.labels[state] != a.labels[state-2] {
		return 2
	}
	return min(state, 1)
}

// forward returns the log of the probability of the text. alpha[t][s] is the log of the
// probability of all ways to be in state s at step t.
func (a *alignment) forward() float64 {
	none := math.Inf(-1)
	a.alpha, a.norm = make([]float64, a.s.t*a.states), make([]float64, a.s.t)
	for t := range a.s.t {
		a.norm[t] = a.logSum(t)
		for s := range a.states {
			sum := none
			switch {
			case t == 0 && s < 2:
				sum = 0
			case t > 0:
				for k := range a.from(s) + 1 {
					sum = logAdd(sum, a.alpha[(t-1)*a.states+s-k])
				}
			}
			if sum != none {
				sum += a.logit(t, a.labels[s]) - a.norm[t]
			}
			a.alpha[t*a.states+s] = sum
		}
	}
	end := a.alpha[(a.s.t-1)*a.states:]
	total := end[a.states-1]
	if a.states > 1 {
		total = logAdd(total, end[a.states-2])
	}
	return total
}

// logSum returns the log of the sum of the exponentials of a step's logits.
func (a *alignment) logSum(t int) float64 {
	most := math.Inf(-1)
	for c := range a.s.classes {
		most = max(most, a.logit(t, c))
	}
	sum := 0.0
	for c := range a.s.classes {
		sum += math.Exp(a.logit(t, c) - most)
	}
	return most + math.Log(sum)
}

// posteriors calls f for each step, the last first, with the log of the probability of each
// state there among the ways that say the text.
func (a *alignment) posteriors(logp float64, f func(t int, states []float64)) {
	none := math.Inf(-1)
	beta, next, states := make([]float64, a.states), make([]float64, a.states), make([]float64, a.states)
	for t := a.s.t - 1; t >= 0; t-- {
		for s := range a.states {
			next[s] = none
			switch {
			case t == a.s.t-1 && s >= a.states-2:
				next[s] = 0
			case t < a.s.t-1:
				for to := s; to < min(s+3, a.states); to++ {
					if to-s <= a.from(to) && beta[to] != none {
						next[s] = logAdd(next[s], beta[to]+a.logit(t+1, a.labels[to])-a.norm[t+1])
					}
				}
			}
		}
		beta, next = next, beta
		for s := range states {
			states[s] = a.alpha[t*a.states+s] + beta[s] - logp
		}
		f(t, states)
	}
}

// negligible is the log of a probability that is left out.
const negligible = -30

// backward adds the gradient by the logits, times a scale: γ - p, where p is the probability
// of a class at a step, and γ that among the ways that say the text. tau has to be 1.
func (a *alignment) backward(logp, scale float64, rows []float32) {
	a.posteriors(logp, func(t int, states []float64) {
		row := rows[(a.sample*a.s.t+t)*a.s.classes:][:a.s.classes]
		for c := range row {
			row[c] -= float32(scale * math.Exp(a.logit(t, c)-a.norm[t]))
		}
		for s, label := range a.labels {
			if states[s] > negligible {
				row[label] += float32(scale * math.Exp(states[s]))
			}
		}
	})
}

// softAccuracy returns the sum over the characters of the text of CTC.Objective, and adds its
// gradient, times a scale, to rows unless they are nil. So many other classes may be ahead.
func (a *alignment) softAccuracy(logp, scale float64, rows []float32, ahead int) float64 {
	weights, sums := make([]float64, a.s.t*a.states), make([]float64, a.states)
	a.posteriors(logp, func(t int, states []float64) {
		for s := 1; s < a.states; s += 2 {
			if states[s] > negligible {
				w := math.Exp(states[s])
				weights[t*a.states+s] = w
				sums[s] += w
			}
		}
	})
	total := 0.0
	for t := range a.s.t {
		for s := 1; s < a.states; s += 2 {
			w := weights[t*a.states+s]
			if w == 0 {
				continue
			}
			w /= sums[s]
			label := a.labels[s]
			rival := a.rival(t, label, ahead)
			p := 1 / (1 + math.Exp(a.logit(t, rival)-a.logit(t, label)))
			if p != p {
				continue
			}
			total += w * p
			if rows != nil {
				g := float32(scale * w * p * (1 - p) / a.tau)
				row := rows[(a.sample*a.s.t+t)*a.s.classes:]
				row[label] += g
				row[rival] -= g
			}
		}
	}
	return total
}

// rival returns the class other than a label, and but for so many others, with the largest logit
// at a step.
func (a *alignment) rival(t, label, ahead int) int {
	var skipped [mostWithout]int
	for n := 0; ; n++ {
		rival := -1
		for c := range a.s.classes {
			if c != label && !slices.Contains(skipped[:n], c) && (rival < 0 || a.logit(t, c) > a.logit(t, rival)) {
				rival = c
			}
		}
		if n == min(ahead, a.s.classes-2, mostWithout) {
			return rival
		}
		skipped[n] = rival
	}
}

// logAdd returns log(eˣ + eʸ).
func logAdd(x, y float64) float64 {
	if x < y {
		x, y = y, x
	}
	if math.IsInf(y, -1) {
		return x
	}
	return x + math.Log1p(math.Exp(y-x))
}
