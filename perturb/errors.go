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
	Changed int // parameters
	Max     int // parameters that might have been changed
	// Budget is HardenedOptions.Budget, which Max comes from; 0 for Search, which
	// takes it from Options.MaxParams.
	Budget float64
}

func (e *TargetError) Error() string {
	return fmt.Sprintf("%v: %s %.4f with %d parameters changed, target %.4f", ErrTarget, e.Measure, e.Reached, e.Changed, e.Target)
}

// Unwrap returns ErrTarget.
func (e *TargetError) Unwrap() error { return ErrTarget }

// NoCandidatesError means that no initializer of a model may be changed: Options.Allow
// excludes all of them, or they have no range of values to move in.
type NoCandidatesError struct {
	Model string // the path of its file
}

func (e *NoCandidatesError) Error() string {
	return e.Model + ": no initializer may be changed"
}

// BudgetError means that HardenedOptions.Budget is less than one parameter.
type BudgetError struct {
	Model  string  // the path of its file
	Budget float64 // a share of the parameters
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("%s: a budget of %g %% leaves no weights to change", e.Model, 100*e.Budget)
}

// UselessError means that a model is no better than chance before anything is
// changed: labels, preprocessing or the task are not those of the model.
type UselessError struct {
	Model string // the path of its file
	Task  string // its name
	Score task.Score
}

func (e *UselessError) Error() string {
	return fmt.Sprintf("%s: as it is, the model is worth nothing for the task %s: %v", e.Model, e.Task, e.Score.Metrics)
}

// Hint says what to check.
func (e *UselessError) Hint() string {
	return "check that labels, preprocessing and task are those the model was trained with, and that it is not locked already"
}
