package task

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Segmentation is the task of models that give every position a class: logits
// [N,K,place…] or [N,place…,K], or one logit a position for two classes. The truth is
// [N,place…]. Positions with a negative class, or 255, do not count.
type Segmentation struct {
	// Last says that classes are on the last axis, where the shapes of output and truth
	// leave that open. Otherwise they are on axis 1.
	Last bool
	// Ahead is as in Classification.
	Ahead int
}

// Name returns "segmentation".
func (Segmentation) Name() string { return "segmentation" }

// Traits implements Task.
func (Segmentation) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: 1, Calibration: fewSamples}
}

// everyAnswer is for EveryAnswer: the likeliest other answer does not count.
func (t Segmentation) everyAnswer() Task {
	t.Ahead = 1
	return t
}

// Objective returns the soft accuracy over the positions.
func (t Segmentation) Objective(truth nd.Array, tau float64) gradient.Loss {
	return everywhere(truth, t.Last, func(labels []int) gradient.Loss { return softAccuracy(labels, tau, t.Ahead) })
}

// Training returns the cross-entropy over the positions.
func (t Segmentation) Training(truth nd.Array) gradient.Loss {
	return everywhere(truth, t.Last, gradient.CrossEntropy)
}

// NewTally implements Task.
func (t Segmentation) NewTally() Tally { return &segmentationTally{positionTally{last: t.Last}} }

// Answers returns the likeliest classes, [N,place…].
func (t Segmentation) Answers(outputs []nd.Array) (nd.Array, error) { return chosen(outputs, t.Last) }

type segmentationTally struct{ positionTally }

// Score returns a score with the accuracy over all positions as its quality. Chance is the
// accuracy of answers as frequent as the model's own, given at random, so that a model
// gains nothing from most positions being background.
func (t *segmentationTally) Score() Score {
	if t.counts == nil || t.counts.N == 0 {
		return Score{}
	}
	accuracy, chance := t.counts.Accuracy(), t.counts.Chance()
	iou, blind := t.counts.IoU()
	return Score{
		Quality: accuracy, Chance: chance, Luck: luck,
		Metrics: []Metric{
			{Name: "accuracy", Value: accuracy, Useless: chance, Share: true},
			{Name: "mIoU", Value: iou, Useless: blind, Share: true},
		},
		Rest: restOfMany(t.ranked, t.counts),
	}
}
