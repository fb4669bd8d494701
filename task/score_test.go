package task_test

import (
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// scoreOf scores answers, given as logits that are largest at the answer.
func scoreOf(t *testing.T, answers, labels []int, classes int) task.Score {
	t.Helper()
	logits, truth := nd.New(nd.Float32, len(answers), classes), nd.New(nd.Int64, len(labels))
	for i, k := range answers {
		logits.Float32s()[i*classes+k] = 1
		truth.Int64s()[i] = int64(labels[i])
	}
	tally := task.Classification{}.NewTally()
	if err := tally.Add([]nd.Array{logits}, truth); err != nil && len(answers) > 0 {
		t.Fatal(err)
	}
	return tally.Score()
}

func TestScore(t *testing.T) {
	const close = 1e-12
	for _, c := range []struct {
		name                                   string
		answers, labels                        []int
		classes                                int
		accuracy, chance, information, entropy float64
	}{
		{"all right", []int{0, 1, 2, 3}, []int{0, 1, 2, 3}, 4, 1, 0.25, 2, 2},
		{"one answer for all", []int{1, 1, 1, 1}, []int{0, 1, 2, 3}, 4, 0.25, 0.25, 0, 2},
		{"always wrong, but telling", []int{1, 0, 1, 0}, []int{0, 1, 0, 1}, 2, 0, 0.5, 1, 1},
		{"independent", []int{0, 0, 1, 1}, []int{0, 1, 0, 1}, 2, 0.5, 0.5, 0, 1},
		{"labels of one class", []int{0, 1}, []int{0, 0}, 2, 0.5, 0.5, 0, 0},
		{"half right", []int{0, 0, 0, 1}, []int{0, 0, 1, 1}, 2, 0.75, 0.5, 0.311278124459133, 1},
		{"nothing", nil, nil, 2, 0, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := scoreOf(t, c.answers, c.labels, c.classes)
			accuracy, _ := s.Metric("accuracy")
			information, _ := s.Metric("information")
			for _, v := range []struct {
				name       string
				have, want float64
			}{
				{"accuracy", accuracy.Value, c.accuracy}, {"chance", accuracy.Useless, c.chance},
				{"information", information.Value, c.information}, {"entropy", s.Entropy(), c.entropy},
			} {
				if math.Abs(v.have-v.want) > close {
					t.Errorf("%s is %v, want %v", v.name, v.have, v.want)
				}
			}
		})
	}
}

func TestScoreClasses(t *testing.T) {
	m := scoreOf(t, []int{0, 0, 2}, []int{0, 1, 2}, 3)
	want := []task.Class{{Samples: 1, Correct: 1, Answered: 2}, {Samples: 1}, {Samples: 1, Correct: 1, Answered: 1}}
	for i, c := range m.Classes {
		if c != want[i] {
			t.Errorf("class %d: %+v, want %+v", i, c, want[i])
		}
	}
	if r := m.Classes[1].Recall(); r != 0 {
		t.Errorf("recall of a class that is never answered: %v", r)
	}
}
