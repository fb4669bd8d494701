package verify

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Samples are labelled data. dataset.Set is one.
type Samples = task.Samples

// Metrics say how good a model's answers are.
type Metrics struct {
	Task    string // its name
	Samples int
	// Score is what the answers are worth, whatever the task. For classifiers its
	// metrics are the accuracy and the information.
	Score task.Score

	// What follows is known of classifiers only.

	Correct  int
	Accuracy float64 // top-1: Correct / Samples
	// Chance is the accuracy of answers as frequent as these, given blindly:
	// Σ_k P(answer = k)·P(label = k).
	Chance float64
	// Information is the mutual information between answers and labels in bits,
	// estimated from their joint frequencies: 0 when the answers tell nothing,
	// at most Entropy. The estimate is too high by about (classes-1)²/(1.4·Samples).
	Information float64
	Entropy     float64 // of the labels, in bits
	Classes     []Class // by label
}

// Class is what Metrics say about one class.
type Class struct {
	Samples  int // that have this label
	Correct  int // of these, answered right
	Answered int // samples of any class that got this answer
}

// Recall returns the share of the class's samples that are answered right.
func (c Class) Recall() float64 { return share(c.Correct, c.Samples) }

// Accuracy runs a classifier over a set and compares its answers, the largest
// value of its first output [N,classes] each, with the labels. Progress, if not
// nil, is called with the number of samples done.
func Accuracy(ctx context.Context, s *gradient.Session, set Samples, progress func(done int)) (*Metrics, error) {
	if set.Labels() == nil {
		return nil, hint.With(fmt.Errorf("the data has no labels"), "add labels, or use the original model's answers")
	}
	answers, classes, err := Answers(ctx, s, set, progress)
	if err != nil {
		return nil, err
	}
	return Score(answers, set.Labels(), classes)
}

// Answers returns the class that a classifier finds likeliest for each sample,
// and the number of classes it tells apart.
func Answers(ctx context.Context, s *gradient.Session, src gradient.Source, progress func(done int)) (answers []int, classes int, err error) {
	answers = make([]int, 0, src.Len())
	err = s.Forward(interruptible{src, ctx}, func(lo, n int, outputs []nd.Array) error {
		logits, rows, k, err := gradient.Logits(outputs)
		switch {
		case err != nil:
			return err
		case rows != n:
			return fmt.Errorf("the output has %d rows for %d samples", rows, n)
		case k < 2:
			return hint.With(errors.New("the output has one value a sample, but a classifier has one a class"),
				"--task says what the model is for")
		}
		classes = k
		for i := range n {
			answers = append(answers, gradient.ArgMax(logits[i*k:(i+1)*k]))
		}
		if progress != nil {
			progress(lo + n)
		}
		return nil
	})
	return answers, classes, err
}

// interruptible is a source that ends with its context.
type interruptible struct {
	gradient.Source
	ctx context.Context
}

func (s interruptible) Batch(lo, hi int) (map[string]nd.Array, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.Source.Batch(lo, hi)
}

// Score compares answers with labels; both count classes from 0 and have to be
// below classes.
func Score(answers, labels []int, classes int) (*Metrics, error) {
	if len(answers) != len(labels) {
		return nil, fmt.Errorf("%d answers for %d labels", len(answers), len(labels))
	}
	m := &Metrics{Samples: len(labels), Classes: make([]Class, classes)}
	halves := task.NewHalves()
	for i, label := range labels {
		answer := answers[i]
		for _, k := range []int{label, answer} {
			if k < 0 || k >= classes {
				return nil, hint.With(fmt.Errorf("sample %d has label %d and answer %d, but the model has %d classes", i, label, answer, classes),
					"labels count classes from 0 to %d", classes-1)
			}
		}
		halves.Add(i, answer, label)
		m.Classes[label].Samples++
		m.Classes[answer].Answered++
		if answer == label {
			m.Correct++
			m.Classes[label].Correct++
		}
	}
	m.Accuracy = share(m.Correct, m.Samples)
	m.Chance, m.Entropy = m.frequencies()
	m.Information = halves.Joint().Information()
	m.score(halves)
	return m, nil
}

// score fills in what is asked of any task.
func (m *Metrics) score(halves *task.Halves) {
	counts := task.NewCounts(len(m.Classes))
	counts.Right, counts.N = m.Correct, m.Samples
	for k, c := range m.Classes {
		counts.Labelled[k], counts.Answered[k], counts.Both[k] = c.Samples, c.Answered, c.Correct
	}
	m.Task, m.Score = task.Classification{}.Name(), counts.Classified(halves)
}

// frequencies returns Chance and Entropy.
func (m *Metrics) frequencies() (chance, entropy float64) {
	for _, c := range m.Classes {
		p := share(c.Samples, m.Samples)
		chance += p * share(c.Answered, m.Samples)
		if p > 0 {
			entropy -= p * math.Log2(p)
		}
	}
	return chance, entropy
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
