package task

import (
	"fmt"
	"math"
)

// Score says how good a model's outputs are.
type Score struct {
	// Quality is the measure that the search works with. It is 1 for a model that is
	// always right.
	Quality float64
	// Chance is the quality of outputs that have nothing to do with the sample, and Luck
	// the quality that such outputs may have beyond it.
	Chance, Luck float64
	// Metrics are the figures to report; the first is the one that people go by.
	Metrics []Metric
	// Classes are the counts class by class; nil unless the task has Traits.Classes.
	Classes []Class
	// Translated is the accuracy beyond chance that a fixed translation of answers into
	// labels has (Halves); 0 unless the task has Traits.Classes.
	Translated float64
	// Rest is what the outputs are worth without the most frequent answers, for classifiers and
	// taggers.
	Rest Rest
	// Ranking is what the scores of two classes are worth to somebody who moves the threshold, for
	// the same tasks.
	Ranking Ranking
	// Parts are the scores of the outputs, if several have a task each.
	Parts []Part
}

// Part is the score of one of several outputs.
type Part struct {
	Output, Task string // their names
	Score        Score
}

// Class counts the samples and answers of one class.
type Class struct {
	Samples  int // with this label
	Correct  int // of these, answered right
	Answered int // of any label, that got this answer
}

// Recall returns the share of the class's samples that are answered right.
func (c Class) Recall() float64 { return share(c.Correct, c.Samples) }

// Correct returns the number of samples answered right, and their number, for scores
// that have Classes.
func (s Score) Correct() (right, of int) {
	for _, c := range s.Classes {
		right, of = right+c.Correct, of+c.Samples
	}
	return right, of
}

// Entropy returns the entropy of the labels in bits, for scores that have Classes.
// The metric "information" is at most that.
func (s Score) Entropy() float64 {
	_, n := s.Correct()
	entropy := 0.0
	for _, c := range s.Classes {
		if p := share(c.Samples, n); p > 0 {
			entropy -= p * math.Log2(p)
		}
	}
	return entropy
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Useless returns the quality at and below which a model is useless.
func (s Score) Useless() float64 { return s.Chance + s.Luck }

// Metric returns the metric of a name; ok is false if there is none.
func (s Score) Metric(name string) (m Metric, ok bool) {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}

// Metric is a figure with a name, such as "accuracy".
type Metric struct {
	Name  string
	Value float64
	// Useless is the value of outputs that have nothing to do with the sample.
	Useless float64
	// Lower reports whether smaller values are better.
	Lower bool
	// Share reports whether values lie between 0 and 1 and are written in percent.
	Share bool
	Unit  string // of other values; "" for none
}

// Better returns "higher" or "lower".
func (m Metric) Better() string {
	if m.Lower {
		return "lower"
	}
	return "higher"
}

// Format formats a value of the metric for people.
func (m Metric) Format(v float64) string {
	if m.Share {
		return fmt.Sprintf("%.2f %%", 100*v)
	}
	var text string
	switch size := math.Abs(v); {
	case size < 1000:
		text = fmt.Sprintf("%.3f", v)
	case size < 1e7:
		text = fmt.Sprintf("%.0f", v)
	default:
		text = fmt.Sprintf("%.3g", v)
	}
	if m.Unit != "" {
		text += " " + m.Unit
	}
	return text
}

func (m Metric) String() string { return m.Name + " " + m.Format(m.Value) }
