package task

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Tagging is the task of models that give every token a class: logits [N,T,K] or [N,K,T]. The
// truth is [N,T]. Positions with a negative class, such as the -100 of padding, do not count,
// nor do those that an input with a mask leaves out (Mask).
type Tagging struct {
	// First says that classes are on axis 1, where the shapes of output and truth leave that
	// open. Otherwise they are on the last axis.
	First bool
	// Ahead is as in Classification.
	Ahead int
}

// Name returns "tagging".
func (Tagging) Name() string { return "tagging" }

// Traits implements Task.
func (Tagging) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: 1, Calibration: fewSamples, Padding: true}
}

// everyAnswer is for EveryAnswer: the likeliest other answer does not count.
func (t Tagging) everyAnswer() Task {
	t.Ahead = 1
	return t
}

// Objective returns the soft accuracy over the tokens.
func (t Tagging) Objective(truth nd.Array, tau float64) gradient.Loss {
	return everywhere(truth, !t.First, func(labels []int) gradient.Loss { return softAccuracy(labels, tau, t.Ahead) })
}

// Training returns the cross-entropy over the tokens.
func (t Tagging) Training(truth nd.Array) gradient.Loss {
	return everywhere(truth, !t.First, gradient.CrossEntropy)
}

// NewTally implements Task.
func (t Tagging) NewTally() Tally {
	return &taggingTally{positionTally{last: !t.First}}
}

// Answers returns the likeliest classes, [N,T].
func (t Tagging) Answers(outputs []nd.Array) (nd.Array, error) { return chosen(outputs, !t.First) }

type taggingTally struct{ positionTally }

// taggingKappa is Cohen's kappa that a useless tagger may have. Where most tokens have one
// tag, an accuracy of a point beyond chance may be most of the others.
const taggingKappa = 0.05

// Score returns a score with the accuracy over the tokens as its quality. Chance is that of
// answers as frequent as the model's own, given at random.
func (t *taggingTally) Score() Score {
	if t.counts == nil || t.counts.N == 0 {
		return Score{}
	}
	accuracy, chance := t.counts.Accuracy(), t.counts.Chance()
	f1, blind := t.counts.F1()
	ranking := rankingOf(t.ranked, t.counts)
	return Score{
		Quality: accuracy, Chance: chance, Luck: min(luck, taggingKappa*(1-chance)),
		Metrics: append([]Metric{
			{Name: "accuracy", Value: accuracy, Useless: chance, Share: true},
			{Name: "F1", Value: f1, Useless: blind, Share: true},
		}, ranking.metrics()...),
		Rest: restOfMany(t.ranked, t.counts), Ranking: ranking,
	}
}

// Mask returns labels [N,T,…] with -1 for tokens that the input attention_mask or mask, [N,T],
// leaves out. It returns them as they are if there is no such input.
func Mask(labels nd.Array, inputs map[string]nd.Array) nd.Array {
	ids, ok := labels.Data.([]int64)
	if !ok || len(labels.Shape) < 2 {
		return labels
	}
	for _, name := range []string{"attention_mask", "mask"} {
		mask := floats(inputs[name])
		if len(mask) == 0 || len(mask) != len(ids) {
			continue
		}
		out := nd.New(nd.Int64, labels.Shape...)
		for i, id := range ids {
			if out.Int64s()[i] = id; mask[i] == 0 {
				out.Int64s()[i] = -1
			}
		}
		return out
	}
	return labels
}
