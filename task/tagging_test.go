package task

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// TestTagging: padding does not count, and F1 is the mean over the classes.
func TestTagging(t *testing.T) {
	logits := nd.New(nd.Float32, 2, 3, 3)
	for i, class := range []int{0, 1, 2, 0, 0, 1} {
		logits.Float32s()[i*3+class] = 1
	}
	truth := nd.Of([]int64{0, 1, -100, 0, 1, 1}, 2, 3)
	tally := Tagging{}.NewTally()
	if err := tally.Add([]nd.Array{logits}, truth); err != nil {
		t.Fatal(err)
	}
	s := tally.Score()
	// Of class 0, 2 of 3 answers are right and none is missing; of class 1, both answers are
	// and one is missing.
	if f1, _ := s.Metric("F1"); math.Abs(s.Quality-0.8) > 1e-9 || math.Abs(f1.Value-0.8) > 1e-9 {
		t.Errorf("accuracy %v, %+v", s.Quality, f1)
	}
	first := nd.Of([]float32{1, 0, 0, 1}, 1, 2, 2)
	if got, err := (Tagging{First: true}).Answers([]nd.Array{first}); err != nil || !slices.Equal(got.Int64s(), []int64{0, 1}) {
		t.Errorf("classes on axis 1: %v, %v", got.Data, err)
	}
}

// TestMaskLabels: tokens that a mask leaves out do not count.
func TestMaskLabels(t *testing.T) {
	labels := nd.Of([]int64{1, 2, 3, 4}, 2, 2)
	got := Mask(labels, map[string]nd.Array{"attention_mask": nd.Of([]int64{1, 1, 1, 0}, 2, 2)})
	if !slices.Equal(got.Int64s(), []int64{1, 2, 3, -1}) || labels.Int64s()[3] != 4 {
		t.Errorf("%v of %v", got.Data, labels.Data)
	}
	for name, mask := range map[string]nd.Array{"attention_mask": nd.Of([]int64{0}, 1), "other": nd.Of([]int64{0, 0, 0, 0}, 2, 2)} {
		if got := Mask(labels, map[string]nd.Array{name: mask}); !slices.Equal(got.Int64s(), labels.Int64s()) {
			t.Errorf("%s: %v", name, got.Data)
		}
	}
}

// TestEvents: answers to a question at all steps are looked at together.
func TestEvents(t *testing.T) {
	const n, steps = 6, 4
	logits, truth := nd.New(nd.Float32, n, steps, 2), nd.New(nd.Int64, n, steps, 2)
	for i := range logits.Float32s() {
		truth.Int64s()[i] = int64(i / 2 % 2)
		logits.Float32s()[i] = float32(2*truth.Int64s()[i] - 1)
	}
	tally := MultiLabel{Steps: true}.NewTally()
	if err := tally.Add([]nd.Array{logits}, truth); err != nil {
		t.Fatal(err)
	}
	if s := tally.Score(); s.Quality != 1 || s.Luck > 0.6 {
		t.Errorf("%+v", s)
	}
	apart := MultiLabel{}.NewTally() // at each step the labels are the same for all samples
	if err := apart.Add([]nd.Array{logits}, truth); err != nil {
		t.Fatal(err)
	}
	if s := apart.Score(); s.Quality != 0 {
		t.Errorf("each step by itself: %+v", s)
	}
	flat := func(a nd.Array) nd.Array { return nd.Array{Shape: []int{n * steps, 2}, Data: a.Data} }
	for name, loss := range map[string]func(Task, nd.Array) gradient.Loss{
		"objective": func(t Task, truth nd.Array) gradient.Loss { return t.Objective(truth, 1) },
		"training":  Task.Training,
	} {
		seeds, others := []nd.Array{nd.New(nd.Float32, n, steps, 2)}, []nd.Array{nd.New(nd.Float32, n*steps, 2)}
		got, err1 := loss(MultiLabel{Steps: true}, truth)([]nd.Array{logits}, seeds)
		want, err2 := loss(MultiLabel{}, flat(truth))([]nd.Array{flat(logits)}, others)
		if err1 != nil || err2 != nil || got != want || !slices.Equal(seeds[0].Float32s(), others[0].Float32s()) {
			t.Errorf("%s: %v, %v, want %v, %v", name, got, err1, want, err2)
		}
	}
}
