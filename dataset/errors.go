package dataset

import (
	"fmt"

	"github.com/advparams/advparams/nd"
)

// FormatError means that data cannot be read, or not for the model it is for. Errors of
// Open and of Set.Batch name the data set in front of it.
type FormatError struct {
	Problem string
	Err     error  // the fault that was found, or nil
	Advice  string // what to do about it
}

func (e *FormatError) Error() string {
	switch {
	case e.Err == nil:
		return e.Problem
	case e.Problem == "":
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Problem, e.Err)
}

// Unwrap returns Err.
func (e *FormatError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *FormatError) Hint() string { return e.Advice }

// malformed returns a FormatError with a formatted problem.
func malformed(advice, format string, args ...any) error {
	return &FormatError{Problem: fmt.Sprintf(format, args...), Advice: advice}
}

// What to do about a file that is damaged, and about a model that images do not fit.
const (
	copyAgain = "copy or download the file again"
	useNPZ    = "give an .npz with the values the model takes"
)

// ErrNoLabels means that data has no labels and Spec.NeedLabels asks for them.
var ErrNoLabels error = &FormatError{Problem: "no labels", Advice: "add labels, or use the model's own answers as labels"}

// SplitError means that a data set does not have the split that Spec.Split asks for.
type SplitError struct {
	Split Split
	Data  string // "file" or "folder"
}

func (e *SplitError) Error() string {
	return fmt.Sprintf("no %s split: the %s is one set", e.Split, e.Data)
}

// Hint says what to do.
func (e *SplitError) Hint() string { return "ask for no split" }

// CountError means that two arrays for inputs have different numbers of samples.
type CountError struct {
	Arrays  [2]string
	Samples [2]int
}

func (e *CountError) Error() string {
	return fmt.Sprintf("array %q has %d samples, array %q has %d", e.Arrays[0], e.Samples[0], e.Arrays[1], e.Samples[1])
}

// ShapeError means that an array does not have the shape of the input that it is for.
type ShapeError struct {
	Array string
	Shape []int // with samples on axis 0
	Input Input
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("array %q has shape %v, but input %q wants %s", e.Array, e.Shape, e.Input.Name, shapeText(e.Input.Shape))
}

// Hint says what to do.
func (e *ShapeError) Hint() string {
	return "arrays are taken as they are: reshape them before storing"
}

// LabelError means that the label of a sample is none of the model's classes.
type LabelError struct {
	Sample  int    // its number
	Name    string // the file it comes from; "" where there is none of its own
	Label   int
	Classes int // that the model tells apart; 0: not known
}

func (e *LabelError) Error() string {
	where := fmt.Sprintf("sample %d", e.Sample)
	if e.Name != "" {
		where += " (" + e.Name + ")"
	}
	if e.Label < 0 {
		return fmt.Sprintf("%s has the negative label %d", where, e.Label)
	}
	return fmt.Sprintf("%s has label %d, but the model has %d classes", where, e.Label, e.Classes)
}

// Hint says what labels look like.
func (e *LabelError) Hint() string {
	if e.Label < 0 {
		return "labels count classes from 0"
	}
	return fmt.Sprintf("labels count classes from 0 to %d", e.Classes-1)
}

// ClassesError means that labels are no classes: one integer, or in a table one name,
// a sample.
type ClassesError struct {
	// Shape and DType are those of an array of labels.
	Shape []int
	DType nd.DType
	// Text is the label of a table; "" where labels are an array.
	Text string
}

func (e *ClassesError) Error() string {
	switch {
	case e.Text != "":
		return fmt.Sprintf("%q in the label column is not a class", e.Text)
	case len(e.Shape) == 1 || len(e.Shape) == 2 && e.Shape[1] == 1:
		return fmt.Sprintf("labels are %v, but classes are integers", e.DType)
	}
	return fmt.Sprintf("labels have shape %v, but classes are one integer a sample", e.Shape)
}

// Hint says what classes look like.
func (e *ClassesError) Hint() string {
	if e.Text != "" {
		return "classes are integers or names"
	}
	return "for one-hot labels store their argmax"
}
