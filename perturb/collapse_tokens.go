package perturb

import (
	"math"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// A language model is a classifier of tokens, with an answer at every position. It can be made
// to say one token always. That takes a share of the positions to decide, since each of them
// has a logit for every token of a vocabulary.

// A share of the positions decides that has at most tokenRows positions, and logits of at
// most tokenLogits bytes.
const (
	tokenRows   = 1024
	tokenLogits = 1 << 28
)

// tokenMargin is how far below the target the quality at these has to be, so that it is there on all.
const tokenMargin = 0.01

// addTokens appends some of the positions of some of all samples.
func (l *lastLayer) addTokens(e task.Evaluation, all int) {
	x, y := e.Outputs[len(e.Outputs)-1], e.Outputs[0]
	labels, ok := e.Truth.Data.([]int64)
	l.classes = y.Shape[len(y.Shape)-1]
	rows := x.Len() / l.width
	if !ok || y.DType() != nd.Float32 || y.Len() != rows*l.classes || rows < len(labels) || all == 0 || e.N == 0 || len(labels)%e.N != 0 {
		return
	}
	each := len(labels) / e.N
	most := max(1, min(tokenRows, tokenLogits/(4*l.classes)))
	every := (all*each + most - 1) / most
	for i, label := range labels {
		if (e.Lo*each+i)%every != 0 || label < 0 || int(label) >= l.classes {
			continue
		}
		l.labels = append(l.labels, int(label))
		l.features = append(l.features, x.Float32s()[i*l.width:(i+1)*l.width]...)
		l.logits = append(l.logits, y.Float32s()[i*l.classes:(i+1)*l.classes]...)
	}
}

// count returns the number of samples, or of positions.
func (l *lastLayer) count() int {
	if l.labels != nil {
		return len(l.labels)
	}
	return l.n
}

// tokens completes the layer; nil if its weights are not those that made the logits.
func (l *lastLayer) tokens() *lastLayer {
	if l.n = len(l.labels); l.n < minAnswers || l.classes < 2 || l.weights.Len() != l.width*l.classes {
		return nil
	}
	return l
}

// rival returns the class other than a given one with the largest logit of a sample.
func (l *lastLayer) rival(sample, class int) int {
	if l.best == nil {
		l.best = make([][2]int, l.count())
		for i := range l.best {
			l.best[i] = twoLargest(l.logits[i*l.classes : (i+1)*l.classes])
		}
	}
	if first := l.best[sample][0]; first != class {
		return first
	}
	return l.best[sample][1]
}

// twoLargest returns the places of the two largest numbers, the first of equal ones.
func twoLargest(row []float32) (two [2]int) {
	two = [2]int{-1, -1}
	for k, z := range row {
		switch {
		case two[0] < 0 || z > row[two[0]]:
			two = [2]int{k, two[0]}
		case two[1] < 0 || z > row[two[1]]:
			two[1] = k
		}
	}
	return two
}

// tokensAtTarget reports whether the quality that follows from the gaps is at the target.
func (p *preference) tokensAtTarget() bool {
	l := p.layer
	if l.spread == nil {
		l.spread = make([]float64, l.n)
		for i := range l.spread {
			l.spread[i] = logSumExp(l.logits[i*l.classes : (i+1)*l.classes])
		}
	}
	counts, nats := task.NewCounts(l.classes), 0.0
	for i, gap := range p.gap {
		row := l.logits[i*l.classes : (i+1)*l.classes]
		answer := p.class
		if gap > 0 {
			answer = p.rival[i]
		}
		counts.Add(answer, p.labels[i])
		// The logit of the class has changed, and the sum over all with it.
		now := float64(row[p.rival[i]] - gap)
		spread := l.spread[i]
		rest := spread + math.Log(max(1-math.Exp(float64(row[p.class])-spread), 1e-12))
		spread = max(rest, now) + math.Log1p(math.Exp(-math.Abs(rest-now)))
		if z := float64(row[p.labels[i]]); p.labels[i] != p.class {
			nats += spread - z
		} else {
			nats += spread - now
		}
	}
	score := counts.Language(nats)
	return score.Quality <= p.search.targetFor(score)-tokenMargin
}

// logSumExp returns the logarithm of the sum of exponentials.
func logSumExp(row []float32) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, z := range row {
		top = max(top, float64(z))
	}
	for _, z := range row {
		sum += math.Exp(float64(z) - top)
	}
	return top + math.Log(sum)
}
