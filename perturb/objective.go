package perturb

import (
	"math"

	"github.com/advparams/advparams/gradient"
)

// softAccuracy is the objective that Search minimises: the mean over samples of
// σ(margin/τ), where the margin is the logit of the true class minus the
// largest other. For τ → 0 it is the accuracy. Unlike cross-entropy it does not
// reward pushing samples that are wrong already further away, which is why it
// needs a third of the changes (docs/method.md).
func softAccuracy(labels []int, tau float64) gradient.Loss {
	return gradient.PerSample(labels, func(logits, seed []float32, label int) float64 {
		rival := -1
		for k, v := range logits {
			if k != label && (rival < 0 || v > logits[rival]) {
				rival = k
			}
		}
		if rival < 0 {
			return 1 // a single class is always right
		}
		s := 1 / (1 + math.Exp(-float64(logits[label]-logits[rival])/tau))
		if s != s { // inf - inf or NaN: nobody can use such an answer
			return 0
		}
		if seed != nil {
			g := float32(s * (1 - s) / tau)
			seed[label], seed[rival] = g, -g
		}
		return s
	})
}

// temperature returns a τ at which most margins are on the slope of the sigmoid:
// half the median absolute margin.
func temperature(margins []float64) float64 {
	return max(1e-3, 0.5*median(margins))
}
