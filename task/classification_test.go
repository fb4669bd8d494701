package task

import (
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestSoftAccuracy checks the objective's gradient against differences, and
// that it approaches the accuracy.
func TestSoftAccuracy(t *testing.T) {
	logits := []float32{2, -1, 0.5, 0.1, 0.3, -0.2, 1, 1.5, -2}
	labels := []int{0, 2, 0}
	outputs := []nd.Array{nd.Of(logits, 3, 3)}
	seeds := []nd.Array{nd.New(nd.Float32, 3, 3)}
	for ahead, accuracy := range []float64{1.0 / 3, 2.0 / 3, 2.0 / 3} { // with three classes, one may be ahead at most
		loss := softAccuracy(labels, 0.7, ahead)
		if _, err := loss(outputs, seeds); err != nil {
			t.Fatal(err)
		}
		got := slices.Clone(seeds[0].Float32s())
		for i := range logits {
			const h = 1e-3
			old := logits[i]
			logits[i] = old + h
			up, _ := loss(outputs, nil)
			logits[i] = old - h
			down, _ := loss(outputs, nil)
			logits[i] = old
			if want := (up - down) / (2 * h); math.Abs(want-float64(got[i])) > 1e-3 {
				t.Errorf("%d ahead: gradient by logit %d is %v, want %v", ahead, i, got[i], want)
			}
		}
		if hard, _ := softAccuracy(labels, 1e-6, ahead)(outputs, nil); math.Abs(hard-accuracy) > 1e-9 {
			t.Errorf("%d ahead: at τ → 0 the soft accuracy is %v, want %v", ahead, hard, accuracy)
		}
	}
	if _, err := softAccuracy([]int{3, 0, 0}, 1, 0)(outputs, nil); err == nil {
		t.Error("a label beyond the classes is no error")
	}
}

func TestCounts(t *testing.T) {
	a := NewCounts(3)
	for i, answer := range []int{0, 0, 0, 1} {
		a.Add(answer, []int{0, 1, 2, 1}[i])
	}
	if a.Accuracy() != 0.5 {
		t.Errorf("accuracy %v", a.Accuracy())
	}
	// 3/4·1/4 + 1/4·2/4: what these answers would get right if given blindly.
	if want := 5.0 / 16; a.Chance() != want {
		t.Errorf("chance %v, want %v", a.Chance(), want)
	}
}

// TestManyClasses: with many classes, a model is useless if it is no better than the most
// frequent label. With few samples, or classes that are equally frequent, the accuracy of
// blind answers decides, and how far it scatters on as many samples.
func TestManyClasses(t *testing.T) {
	for _, c := range []struct {
		classes, often, times int // samples of class 0, and of each other one
		want                  float64
	}{
		{40, 100, 40, 0.0625 - 2*0.00605}, // 100 of 1,600, less two standard deviations
		{40, 40, 40, 0.025 + 0.01},
		{40, 5, 2, 0.025 + 0.03},  // of 83 samples, many may be right by luck
		{5, 600, 100, 0.2 + 0.03}, // a frequent label says little about a lock
	} {
		counts := NewCounts(c.classes)
		answer := 0
		for class := range c.classes {
			n := c.times
			if class == 0 {
				n = c.often
			}
			for range n {
				counts.Add(answer%c.classes, class) // all answers equally often
				answer++
			}
		}
		if got := counts.Classified(NewHalves()).Useless(); math.Abs(got-c.want) > 0.002 {
			t.Errorf("%+v: useless at %.4f", c, got)
		}
	}
}

// TestLuck: what a useless model may have beyond chance is what a model that knows nothing has
// by luck, within limits.
func TestLuck(t *testing.T) {
	for _, c := range []struct {
		n      int
		chance float64
		want   float64
	}{{100, 0.1, 0.03}, {900, 0.1, 0.02}, {1600, 0.2, 0.02}, {3600, 0.1, 0.01}, {1 << 20, 0.5, 0.01}, {0, 0.1, 0.03}} {
		counts := &Counts{N: c.n}
		if got := counts.luck(c.chance); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%d samples, chance %v: %v, want %v", c.n, c.chance, got, c.want)
		}
	}
}

// TestOneLabel: a model that gives all samples the same answer, which is right, is
// not useless; one that gives another is.
func TestOneLabel(t *testing.T) {
	for answer, useless := range []bool{false, true} {
		c := NewCounts(2)
		for range 10 {
			c.Add(answer, 0)
		}
		if s := c.Classified(NewHalves()); (s.Quality <= s.Useless()) != useless {
			t.Errorf("answer %d, label 0: quality %v, useless at %v", answer, s.Quality, s.Useless())
		}
	}
}
