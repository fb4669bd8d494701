package perturb

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Samples that a model was not trained for cannot say when it is useless. The search
// refuses them before it changes anything.

// minAnswers is the least number of answers that can tell a useless model from a right
// one.
const minAnswers = 16

// SamplesError means that there are too few samples to decide when a model is useless.
type SamplesError struct {
	Samples, Needed int
}

func (e *SamplesError) Error() string {
	return fmt.Sprintf("%d samples cannot tell a useless model from a right one; at least %d can", e.Samples, e.Needed)
}

// Hint says what to do.
func (e *SamplesError) Hint() string { return "give more samples; a few hundred are enough" }

// checkNumber returns a *SamplesError if there are too few samples.
func checkNumber(samples Samples) error {
	truth := task.Truth(samples, 0, 1)
	each := 1 // answers of a sample
	if truth.DType() == nd.Int64 {
		each = max(1, truth.Len())
	}
	if n := samples.Len(); n*each < minAnswers {
		return &SamplesError{n, (minAnswers + each - 1) / each}
	}
	return nil
}

// OrderError means that a classifier's answers tell the labels, but under other numbers:
// the classes of the data are in another order than those of the model.
type OrderError struct {
	Model string // the path of its file
	// Accuracy is that of the answers as they are, Renamed that of answers which are each
	// replaced by the label that they mostly go with.
	Accuracy, Renamed float64
}

func (e *OrderError) Error() string {
	return fmt.Sprintf("%s: the labels count classes in another order than the model: %.2f %% of the answers are right as they are, %.2f %% if they are renamed", e.Model, 100*e.Accuracy, 100*e.Renamed)
}

// Hint says what to do.
func (e *OrderError) Hint() string {
	return "number the classes of the data in the order that the model was trained with"
}

// WeakError means that a classifier is right more often than guesses would be, but not
// beyond what luck may bring on so few samples.
type WeakError struct {
	Model            string // the path of its file
	Accuracy, Chance float64
	Samples          int
	// Low and High are the smallest and the largest number that the model was given; both
	// are 0 if its inputs are no numbers.
	Low, High float32
}

func (e *WeakError) Error() string {
	text := fmt.Sprintf("%s: the model is right on %.2f %% of %d samples, guesses on %.2f %%: that may be luck", e.Model, 100*e.Accuracy, e.Samples, 100*e.Chance)
	if unscaled(e.Low, e.High) {
		text += fmt.Sprintf("; inputs lie between %g and %g", e.Low, e.High)
	}
	return text
}

// Hint says what to check.
func (e *WeakError) Hint() string {
	if unscaled(e.Low, e.High) {
		return unscaledHint
	}
	return "check that labels and preprocessing are those the model was trained with; if it is no better, give more samples, or use its own answers for labels"
}

// Weak reports whether a classifier with this score is right on so few samples that it
// seems to be given something else than it was trained with. A lock that is found so may
// leave most of what the model can do: a ResNet-20 that was right on 32 % of images without
// normalisation was locked at 10 %, and right on 61 % of them normalised.
func Weak(s task.Score) bool {
	return s.Classes != nil && s.Quality-s.Chance < weak*(1-s.Chance)
}

// weak is the share of what is above chance that a classifier is right on if nothing is
// wrong.
const weak = 0.3

// lucky is the number of standard deviations above chance that a classifier has to be
// right beyond.
const lucky = 3

// misnamed is the accuracy that renaming answers may give a model before labels count as
// being in another order.
const misnamed = 0.25

// plausible returns an error if the score of the model as it came shows that the samples
// are not such as it was trained for.
func (s *search) plausible(before task.Score) error {
	if right, n := before.Correct(); n > 0 && len(s.opt.Start) == 0 {
		most := 0
		for _, c := range before.Classes {
			most = max(most, c.Samples)
		}
		accuracy := float64(right) / float64(n)
		// The two are of different halves of the samples: together they may be more than all.
		if renamed := min(1, before.Translated+float64(most)/float64(n)); renamed > accuracy+misnamed && before.Translated > misnamed {
			return &OrderError{s.model.Path(), accuracy, renamed}
		}
	}
	for _, p := range before.Parts {
		if p.Score.Quality <= p.Score.Useless() && len(s.opt.Start) == 0 {
			low, high := s.inputRange()
			return &UselessError{s.model.Path(), fmt.Sprintf("%s of output %q", p.Task, p.Output), p.Score, low, high}
		}
	}
	if before.Quality > before.Useless() {
		_, n := before.Correct()
		deviation := math.Sqrt(before.Chance * (1 - before.Chance) / float64(max(n, 1)))
		if n > 0 && len(s.opt.Start) == 0 && before.Quality-before.Chance < lucky*deviation {
			low, high := s.inputRange()
			return &WeakError{s.model.Path(), before.Quality, before.Chance, n, low, high}
		}
		return nil
	}
	if len(s.opt.Start) > 0 && before.Translated > translatable {
		return nil // answers that only have other names
	}
	low, high := s.inputRange()
	return &UselessError{s.model.Path(), s.opt.Task.Name(), before, low, high}
}

// inputRange returns the smallest and the largest number of the first inputs; both are 0
// if there are none.
func (s *search) inputRange() (low, high float32) {
	batch, err := s.samples.Batch(0, min(s.samples.Len(), 32))
	if err != nil {
		return 0, 0
	}
	low, high = float32(math.Inf(1)), float32(math.Inf(-1))
	for _, a := range batch {
		if a.DType() != nd.Float32 {
			continue
		}
		for _, v := range a.Float32s() {
			low, high = min(low, v), max(high, v)
		}
	}
	if !(low <= high) {
		return 0, 0
	}
	return low, high
}
