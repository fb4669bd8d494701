package task

import (
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Renamer is a task whose answers may go by other names: a model that confuses classes always in
// the same way is of use to whoever renames its answers.
type Renamer interface {
	Task
	// Renamed returns the task with an objective that is larger by what a model is worth when
	// each answer is replaced by the label that it mostly stands for in a tally of this task.
	// It is the task itself if the tally has no answers.
	Renamed(Tally) Task
}

// Renamed implements Renamer.
func (t Classification) Renamed(tally Tally) Task { return renamed{Classification: t}.Renamed(tally) }

// renamed is a classification in which answers go by other names as well.
type renamed struct {
	Classification
	names []map[int]int // the labels that answers stand for, by the last few tallies
	most  int           // the most frequent label, which is right as often without any model
}

// mostNames is the number of tallies whose names count. By one alone, changes lead from one kind of
// confusion to another and back.
const mostNames = 3

// Renamed implements Renamer.
func (t renamed) Renamed(tally Tally) Task {
	counted, ok := tally.(*classificationTally)
	if !ok || counted.counts == nil {
		return t
	}
	names, most := counted.halves.Joint().translation()
	t.names, t.most = append(slices.Clone(t.names[max(0, len(t.names)-mostNames+1):]), names), most
	return t
}

// Objective returns the soft accuracy of the answers and that of the labels which they stand for.
func (t renamed) Objective(truth nd.Array, tau float64) gradient.Loss {
	return classified(truth, func(labels []int) gradient.Loss {
		plain := rightness(tau, t.Ahead)
		return gradient.PerSample(labels, func(logits, seed []float32, label int) float64 {
			sum := plain(logits, seed, label)
			if label != t.most {
				for _, names := range t.names {
					sum += translated(names, logits, seed, label, tau)
				}
			}
			return sum
		})
	})
}

// translated returns σ(margin/τ) of one sample, and adds the gradient to seed if that is not nil.
// The margin is the largest logit of the answers that stand for the label minus the largest of
// the others.
func translated(names map[int]int, logits, seed []float32, label int, tau float64) float64 {
	given, rival := -1, -1
	for k, v := range logits {
		best := &rival
		if name, ok := names[k]; ok && name == label {
			best = &given
		}
		if *best < 0 || v > logits[*best] {
			*best = k
		}
	}
	if given < 0 {
		return 0
	}
	if rival < 0 {
		return 1
	}
	return lead(logits, seed, given, rival, tau)
}
