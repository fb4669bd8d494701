package task

import (
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Binary is the task of models that answer yes or no by the sign of one logit,
// [N] or [N,1]. The truth is 0 or 1.
//
// When a change moves all logits across the threshold, the accuracy falls to chance, but
// another threshold gives it back. The area under the ROC curve, which does not depend on
// a threshold, therefore has to be at chance as well.
type Binary struct{}

// Name returns "binary".
func (Binary) Name() string { return "binary" }

// Traits implements Task.
func (Binary) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: together, Calibration: manySamples}
}

// Objective returns the mean of the soft correlation of logits and truth with and without
// the threshold.
func (Binary) Objective(truth nd.Array, tau float64) gradient.Loss { return yesOrNo(truth, tau) }

// Training returns the cross-entropy of the sigmoid.
func (Binary) Training(truth nd.Array) gradient.Loss { return sigmoidCrossEntropy(truth) }

// NewTally implements Task.
func (Binary) NewTally() Tally { return &binaryTally{} }

// Answers returns 1 for positive logits and 0 for others.
func (Binary) Answers(outputs []nd.Array) (nd.Array, error) { return signs(outputs) }

// MultiLabel is the task of models that answer several questions with yes or no,
// [N,L], each by the sign of a logit. The truth is a matrix of 0 and 1. Models that hear
// events answer them for every step, [N,T,L].
type MultiLabel struct {
	// Steps says that the answers to each question at all steps, of outputs [N,T,L], are
	// looked at together. Otherwise each step has questions of its own.
	Steps bool
}

// Name returns "multi-label".
func (MultiLabel) Name() string { return "multi-label" }

// Traits implements Task.
func (MultiLabel) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: together, Calibration: manySamples}
}

// Objective returns that of Binary, as a mean over the labels.
func (t MultiLabel) Objective(truth nd.Array, tau float64) gradient.Loss {
	return t.stepwise(truth, func(truth nd.Array) gradient.Loss { return yesOrNo(truth, tau) })
}

// Training returns the cross-entropy of the sigmoid, as a mean over the labels.
func (t MultiLabel) Training(truth nd.Array) gradient.Loss {
	return t.stepwise(truth, sigmoidCrossEntropy)
}

// rows returns an array [N,T,L] as [N·T,L] if Steps is set.
func (t MultiLabel) rows(a nd.Array) nd.Array {
	if t.Steps && len(a.Shape) == 3 && a.Data != nil {
		a.Shape = []int{a.Shape[0] * a.Shape[1], a.Shape[2]}
	}
	return a
}

// stepwise applies a loss to rows.
func (t MultiLabel) stepwise(truth nd.Array, loss func(nd.Array) gradient.Loss) gradient.Loss {
	f := loss(t.rows(truth))
	return func(outputs, seeds []nd.Array) (float64, error) {
		if len(outputs) == 0 {
			return f(outputs, seeds)
		}
		if len(seeds) > 0 {
			gradient.ClearSeeds(seeds[1:])
			seeds = []nd.Array{t.rows(seeds[0])}
		}
		return f([]nd.Array{t.rows(outputs[0])}, seeds)
	}
}

// NewTally implements Task.
func (t MultiLabel) NewTally() Tally { return &binaryTally{rows: t.rows} }

// Answers returns 1 for positive logits and 0 for others.
func (MultiLabel) Answers(outputs []nd.Array) (nd.Array, error) { return signs(outputs) }

func yesOrNo(truth nd.Array, tau float64) gradient.Loss {
	if err := checkBits(truth); err != nil {
		return failing(err)
	}
	return softCorrelation(truth, tau, func(x, y float32) (float64, float64) { // of few samples, how many are right
		side := float64(2*y - 1)
		s := 1 / (1 + math.Exp(-side*float64(x)/tau))
		if s != s {
			return 0, 0
		}
		return s, side * s * (1 - s) / tau
	})
}

func sigmoidCrossEntropy(truth nd.Array) gradient.Loss {
	if err := checkBits(truth); err != nil {
		return failing(err)
	}
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		return eachNumber(x[:n*width], y, seedOf(seeds), func(x, y float32) (float64, float64) {
			z := float64(x)
			// log(1+eᶻ) - y·z, without overflow
			return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - float64(y)*z, 1/(1+math.Exp(-z)) - float64(y)
		}), nil
	}
}

// checkBits returns an error if a label is neither 0 nor 1.
func checkBits(truth nd.Array) error {
	if truth.Data == nil {
		return ErrNoLabels
	}
	for i, v := range floats(truth) {
		if v != 0 && v != 1 {
			return &LabelError{Sample: i, Label: v, Classes: 2, Binary: true}
		}
	}
	return nil
}

func signs(outputs []nd.Array) (nd.Array, error) {
	y, err := first(outputs)
	if err != nil {
		return y, err
	}
	out := nd.New(nd.Int64, y.Shape...)
	for i, v := range y.Float32s() {
		if v > 0 {
			out.Int64s()[i] = 1
		}
	}
	return out, nil
}

// binaryTally tallies columns of logits.
type binaryTally struct {
	columns
	rows func(nd.Array) nd.Array // nil if arrays are as they should be
}

func (t *binaryTally) Add(outputs []nd.Array, truth nd.Array) error {
	if err := checkBits(truth); err != nil {
		return err
	}
	if t.rows != nil && len(outputs) > 0 {
		outputs, truth = []nd.Array{t.rows(outputs[0])}, t.rows(truth)
	}
	return t.add(outputs, truth)
}

// Scale returns half the median absolute logit.
func (t *binaryTally) Scale() float64 {
	var absolute []float64
	for _, x := range t.x {
		for _, v := range x {
			absolute = append(absolute, math.Abs(float64(v)))
		}
	}
	return temperature(absolute)
}

// rankingLuck returns how far twice the area under the ROC curve of a useless model may
// be from 1: 0.1, plus two standard deviations of its value for unrelated outputs.
func rankingLuck(positive, negative int) float64 {
	p, n := float64(positive), float64(negative)
	return 0.1 + 4*math.Sqrt((p+n+1)/(12*p*n))
}

// Score returns a score with the quality max(|2·AUC - 1|, κ), where both are means over the
// labels that have samples of both kinds.
func (t *binaryTally) Score() Score {
	var accuracy, chance, kappa, auc, ranking, precision, rate, luck float64
	counted := 0
	for k, x := range t.x {
		y := t.y[k]
		area, ok := areaUnderROC(x, y)
		if !ok {
			continue
		}
		counted++
		c := NewCounts(2)
		for i, v := range x {
			answer := 0
			if v > 0 {
				answer = 1
			}
			c.Add(answer, int(y[i]))
		}
		ap, _ := averagePrecision(x, y)
		accuracy, chance, kappa = accuracy+c.Accuracy(), chance+c.Chance(), kappa+c.Kappa()
		luck += rankingLuck(c.Labelled[1], c.Labelled[0])
		auc, ranking = auc+area, ranking+math.Abs(2*area-1)
		precision, rate = precision+ap, rate+float64(c.Labelled[1])/float64(c.N)
	}
	if counted == 0 {
		return Score{}
	}
	n := float64(counted)
	s := Score{
		Quality: max(ranking, kappa) / n, Luck: luck / n,
		Metrics: []Metric{
			{Name: "accuracy", Value: accuracy / n, Useless: chance / n, Share: true},
			{Name: "AUC", Value: auc / n, Useless: 0.5},
		},
	}
	if len(t.x) > 1 {
		s.Metrics = append(s.Metrics, Metric{Name: "mAP", Value: precision / n, Useless: rate / n})
	}
	return s
}
