package task

import (
	"fmt"
	"strings"
)

// ErrNoLabels means that samples have no truth to compare outputs with.
var ErrNoLabels error = &sentinel{"the data has no labels", "add labels, or use the original model's answers"}

// ErrNoClasses means that the output of a model has one value a sample, while a
// classifier's has one per class.
var ErrNoClasses error = &sentinel{"the output has one value per sample, but a classifier has one per class", "the model is for another task"}

// errLongText means that the output has too few steps for all texts.
var errLongText error = &sentinel{"no text fits into the steps of the model's output", "labels have a row of classes of characters a sample, with -1 behind the end"}

// errNoFloats means that no output can be measured.
var errNoFloats error = &sentinel{"the output is not of a floating-point type", "changes are found by gradients of such outputs; sealing needs none"}

// sentinel is an error that knows what can be done about it.
type sentinel struct{ text, hint string }

func (e *sentinel) Error() string { return e.text }
func (e *sentinel) Hint() string  { return e.hint }

// UnknownError means that there is no task of a name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no task %q", e.Name) }

// Hint lists the tasks.
func (e *UnknownError) Hint() string { return "the tasks are " + strings.Join(Names(), ", ") }

// GuessError means that Guess cannot tell what a model is for.
type GuessError struct {
	Shape  []int // of the output, as in Outlook
	Labels []int // the shape of the labels; nil if there are none
}

func (e *GuessError) Error() string { return "what the model is for cannot be told from its outputs" }

// LabelError means that a label is none that the task has.
type LabelError struct {
	Sample int     // its number, or that of the answer; -1 if it is not known
	Label  float32 // the label
	// Classes is the number of classes that the model tells apart. It is 0 where a
	// label is not an integer, and 2 for answers of yes and no.
	Classes int
	// Binary reports whether the task asks for yes or no.
	Binary bool
}

func (e *LabelError) Error() string {
	switch {
	case e.Binary:
		return fmt.Sprintf("label %d is %v, but the answer to yes or no is 0 or 1", e.Sample, e.Label)
	case e.Classes == 0:
		return fmt.Sprintf("label %v is not a class", e.Label)
	case e.Sample < 0:
		return fmt.Sprintf("label %v, but the model has %d classes", e.Label, e.Classes)
	}
	return fmt.Sprintf("sample %d has label %v, but the model has %d classes", e.Sample, e.Label, e.Classes)
}

// Hint says what labels look like.
func (e *LabelError) Hint() string {
	if e.Classes == 0 {
		return "classes are integers from 0"
	}
	return fmt.Sprintf("labels count classes from 0 to %d", e.Classes-1)
}

// ShapeError means that labels do not fit the output of a model.
type ShapeError struct {
	Labels, Output []int // their shapes
	// Positions reports whether the task asks for a class at every position, and not
	// for a number.
	Positions bool
	// Text reports whether the task asks for a text, [N,L].
	Text bool
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("labels of shape %v do not fit the model's first output, of shape %v", e.Labels, e.Output)
}

// Hint says what shape labels have.
func (e *ShapeError) Hint() string {
	switch {
	case e.Text:
		return "labels have a row of characters a sample, as classes, with -1 behind the end of shorter ones"
	case e.Positions:
		return "labels have the output's shape without the axis of classes"
	}
	return "there is one label for each number that the model computes"
}

// RowsError means that an output does not have a row for each sample of a batch.
type RowsError struct {
	Shape   []int // of the output
	Samples int
}

func (e *RowsError) Error() string {
	return fmt.Sprintf("the output has shape %v for %d samples", e.Shape, e.Samples)
}

// BlankError means that an output has no such blank, or no characters.
type BlankError struct {
	Output []int // its shape
	Blank  int
}

func (e *BlankError) Error() string {
	return fmt.Sprintf("the model's first output has shape %v, which has no characters beside a blank of class %d", e.Output, e.Blank)
}

// Hint says what outputs look like.
func (e *BlankError) Hint() string {
	return "outputs have a value for each class, the blank among them, at every step; the blank counts from 0, or from the end if it is negative"
}

// TokensError means that NextTokens does not find the input with the tokens.
type TokensError struct {
	Inputs []string // those that might have them; nil if there are none
}

func (e *TokensError) Error() string {
	if len(e.Inputs) == 0 {
		return "the model has no input of tokens to take the next ones from"
	}
	return fmt.Sprintf("which of the inputs %q has the tokens is not clear", e.Inputs)
}

// Hint says what to do without next tokens.
func (e *TokensError) Hint() string { return "add labels, one token for each output" }

// DetectorError means that outputs are not boxes and scores in a form that Detection knows.
type DetectorError struct {
	Shapes [][]int // of the outputs
}

func (e *DetectorError) Error() string {
	return fmt.Sprintf("outputs of shapes %v are not boxes and scores", e.Shapes)
}
