package task

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Classification is the task of models whose first output is [N,K], a logit for
// each class. The truth is a class for each sample, [N].
type Classification struct {
	// Ahead is the number of other answers that may be likelier than the right one, 2 at most,
	// for Objective to count it as given. With 0, changes that make one answer win everywhere
	// lower the objective; with 1, they do not (Score.Rest).
	Ahead int
}

// Name returns "classification".
func (Classification) Name() string { return "classification" }

// Traits implements Task.
func (Classification) Traits() Traits {
	return Traits{Quality: "accuracy", Classes: true, Logits: true, Together: 1, Calibration: fewSamples}
}

// everyAnswer is for EveryAnswer: the likeliest other answer does not count.
func (t Classification) everyAnswer() Task {
	t.Ahead = 1
	return t
}

// Objective returns the soft accuracy, of which Ahead answers do not count.
func (t Classification) Objective(truth nd.Array, tau float64) gradient.Loss {
	return classified(truth, func(labels []int) gradient.Loss { return softAccuracy(labels, tau, t.Ahead) })
}

// Training returns the cross-entropy.
func (Classification) Training(truth nd.Array) gradient.Loss {
	return classified(truth, gradient.CrossEntropy)
}

// classified returns a loss for batches that may have been filled up.
func classified(truth nd.Array, loss func(labels []int) gradient.Loss) gradient.Loss {
	labels, err := labelsOf(truth)
	if err != nil {
		return failing(err)
	}
	return func(outputs, seeds []nd.Array) (float64, error) {
		rows := 0
		if len(outputs) > 0 && len(outputs[0].Shape) > 0 {
			rows = outputs[0].Shape[0]
		}
		return loss(filled(labels, rows))(outputs, seeds)
	}
}

// NewTally implements Task.
func (Classification) NewTally() Tally {
	return &classificationTally{halves: NewHalves()}
}

// Answers returns the classes with the largest logits, [N].
func (Classification) Answers(outputs []nd.Array) (nd.Array, error) {
	logits, n, classes, err := gradient.Logits(outputs)
	if err != nil {
		return nd.Array{}, err
	}
	answers := nd.New(nd.Int64, n)
	for i := range n {
		answers.Int64s()[i] = int64(gradient.ArgMax(logits[i*classes : (i+1)*classes]))
	}
	return answers, nil
}

type classificationTally struct {
	choices
	halves  *Halves
	samples int
}

func (t *classificationTally) Add(outputs []nd.Array, truth nd.Array) error {
	logits, rows, classes, err := gradient.Logits(outputs)
	if err != nil {
		return err
	}
	labels, err := labelsOf(truth)
	if err != nil {
		return err
	}
	if rows < len(labels) {
		return fmt.Errorf("the output has %d rows for %d samples", rows, len(labels))
	}
	if classes < 2 {
		return ErrNoClasses
	}
	for i, label := range labels {
		if label >= classes {
			return &LabelError{Sample: t.samples + i, Label: float32(label), Classes: classes}
		}
		if label < 0 {
			continue // a sample that does not count
		}
		row := logits[i*classes : (i+1)*classes]
		t.add(row, label)
		t.halves.Add(t.counts.N, gradient.ArgMax(row), label)
	}
	t.samples += len(labels)
	return nil
}

func (t *classificationTally) Score() Score {
	if t.counts == nil {
		return Score{}
	}
	score := t.counts.Classified(t.halves)
	score.Rest, score.Ranking = restOf(t.ranked, t.counts), rankingOf(t.ranked, t.counts)
	score.Metrics = append(score.Metrics, score.Ranking.metrics()...)
	return score
}

// Classified returns the score of a classifier. Its quality is the accuracy. If all labels
// are of one class, a constant right answer is as good as chance; only a wrong one then
// makes the model useless.
func (c *Counts) Classified(halves *Halves) Score {
	accuracy, chance := c.Accuracy(), c.Chance()
	if slices.Max(c.Labelled) == c.N {
		chance = min(chance, 1/float64(len(c.Labelled)))
	}
	return Score{
		Quality: accuracy, Chance: chance, Luck: max(c.luck(chance), min(c.constant(), chance+manyClasses)-chance),
		Metrics: []Metric{
			{Name: "accuracy", Value: accuracy, Useless: chance, Share: true},
			{Name: "information", Value: halves.Joint().Information(), Unit: "bits"},
		},
		Classes: c.classes(), Translated: halves.Translated(),
	}
}
