package perturb

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/task"
)

// ErrTarget is wrapped by TargetError, for errors.Is.
var ErrTarget = errors.New("the target accuracy was not reached")

// TargetError means that the quality of the model did not fall to the target within
// the budget. The Result that comes with it says how far the search came.
type TargetError struct {
	Measure string  // the word for the quality: "accuracy" or "quality"
	Reached float64 // quality of the model with all changes
	Target  float64
	// Held and HeldTarget are the quality and the target on the samples that played no
	// part in choosing changes, if these decided. Renamed is the accuracy beyond chance
	// that renaming the answers gives back, and Rest the accuracy without the most frequent
	// answers, if these decided. They are 0 otherwise.
	Held, HeldTarget, Renamed, Rest float64
	Changed                         int // parameters
	Max                             int // parameters that might have been changed
	// Stopped is why the search ended early: context.DeadlineExceeded, context.Canceled or
	// the cause of the context; nil if it was not stopped. Stuck means that it gave up,
	// because further changes no longer made the model worse, Spent that it did the work
	// that a search may take.
	Stopped      error
	Stuck, Spent bool
}

func (e *TargetError) Error() string {
	if e.Stopped != nil && e.Changed == 0 {
		return fmt.Sprintf("%v: the search was stopped before its first change", ErrTarget)
	}
	text := fmt.Sprintf("%v: %s %.4f with %d parameters changed, target %.4f", ErrTarget, e.Measure, e.Reached, e.Changed, e.Target)
	if e.HeldTarget > 0 {
		text += fmt.Sprintf("; on the samples that played no part in choosing changes it is %.4f, target %.4f", e.Held, e.HeldTarget)
	}
	if e.Renamed > 0 {
		text += fmt.Sprintf("; renaming the answers gives back %.4f of the accuracy", e.Renamed)
	}
	if e.Rest > 0 {
		text += fmt.Sprintf("; without its most frequent answers it is right on %.4f", e.Rest)
	}
	switch {
	case e.Stopped != nil:
		text += "; the search was stopped"
	case e.Stuck:
		text += "; the search is stuck: further changes no longer made the model worse"
	case e.Spent:
		text += fmt.Sprintf("; the search took as much work as it may, %d runs over the samples (or %d of them) and a minute", wholePasses, fewestCounted)
	}
	return text
}

// Unwrap returns ErrTarget and what stopped the search.
func (e *TargetError) Unwrap() []error {
	if e.Stopped == nil {
		return []error{ErrTarget}
	}
	return []error{ErrTarget, e.Stopped}
}

// NoAnswersError means that Options.EveryAnswer was set for a task whose answers are no choices
// among classes.
type NoAnswersError struct{ Task string }

func (e *NoAnswersError) Error() string {
	return "the task " + e.Task + " has no most frequent answers to be left out: it does not choose among classes"
}

// NoCandidatesError means that no parameter of a model may be changed: Options.Allow
// excludes all of them, or they have no range of values to move in.
type NoCandidatesError struct {
	Model string // the path of its file
}

func (e *NoCandidatesError) Error() string {
	return e.Model + ": no parameter can be changed: all are left out, or the only value of their tensor"
}

// UselessError means that a model is no better than chance before anything is
// changed: labels, preprocessing or the task are not those of the model.
type UselessError struct {
	Model string // the path of its file
	Task  string // its name
	Score task.Score
	// Low and High are the smallest and the largest number that the model was given; both
	// are 0 if its inputs are no numbers.
	Low, High float32
}

// sameness is the chance above which samples are too much the same to tell what a model is worth.
const sameness = 0.9

func (e *UselessError) Error() string {
	if len(e.Score.Metrics) == 0 {
		return fmt.Sprintf("%s: as it is, the model is worth nothing for the task %s", e.Model, e.Task)
	}
	if e.Score.Chance > sameness && e.Score.Classes == nil {
		return fmt.Sprintf("%s: the outputs of different samples are too alike for the task %s", e.Model, e.Task)
	}
	m := e.Score.Metrics[0]
	text := fmt.Sprintf("%s: as it is, the model is no better at the task %s than guesses: %v, guesses %s", e.Model, e.Task, m, m.Format(m.Useless))
	if e.Score.Chance > sameness {
		return text + "; nearly all labels are the same"
	}
	if unscaled(e.Low, e.High) {
		text += fmt.Sprintf("; inputs lie between %g and %g", e.Low, e.High)
	}
	return text
}

// unscaled reports whether inputs between two numbers look like bytes that nobody has
// scaled.
func unscaled(low, high float32) bool { return high > 16 && high <= 255 && low >= 0 }

const unscaledHint = "the model may have been trained on inputs between 0 and 1: divide them by 255; check also labels, other preprocessing and the task"

// Hint says what to check.
func (e *UselessError) Hint() string {
	if unscaled(e.Low, e.High) {
		return unscaledHint
	}
	return "check that labels, preprocessing and task are those the model was trained with, and that it is not locked already"
}
