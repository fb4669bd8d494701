package task

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Segmentation is the task of models that give every position a class: logits
// [N,K,place…] or [N,place…,K], or one logit a position for two classes. The
// truth is [N,place…], negative or 255 where it does not count.
type Segmentation struct{}

// Name returns "segmentation".
func (Segmentation) Name() string { return "segmentation" }

// Traits implements Task.
func (Segmentation) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: 1, Calibration: fewSamples}
}

// Objective is the soft accuracy over the positions.
func (Segmentation) Objective(truth nd.Array, tau float64) gradient.Loss {
	return everywhere(truth, false, func(labels []int) gradient.Loss { return softAccuracy(labels, tau) })
}

// Training is the cross-entropy over the positions.
func (Segmentation) Training(truth nd.Array) gradient.Loss {
	return everywhere(truth, false, gradient.CrossEntropy)
}

func (Segmentation) NewTally() Tally { return &segmentationTally{} }

// Answers are the likeliest classes.
func (Segmentation) Answers(outputs []nd.Array) (nd.Array, error) { return chosen(outputs, false) }

type segmentationTally struct{ positionTally }

// Score has the accuracy over all positions for its quality. Answers as frequent
// as the model's own, given blindly, are its measure; that most positions are
// background therefore helps nobody.
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
	}
}
