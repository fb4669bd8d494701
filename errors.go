package advparams

import (
	"fmt"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/minimal"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify/attack"
)

// Errors that callers tell apart with errors.Is. They are those of the packages that do
// the work.
var (
	// ErrTarget means that the search did not reach the target within its budget.
	ErrTarget = perturb.ErrTarget
	// ErrIdentity means that no identity, or not this passphrase, opens a key.
	ErrIdentity = key.ErrIdentity
	// ErrDamaged means that a key is truncated, altered or of an unknown version.
	ErrDamaged = key.ErrDamaged
	// ErrMismatch means that a file is not the one that a key was made for.
	ErrMismatch = onnxio.ErrMismatch
	// ErrRecord means that the changes in a key contradict themselves.
	ErrRecord = onnxio.ErrRecord
	// ErrUnsupported means that a model uses an operator that has no implementation
	// or no gradient. The error names every such node.
	ErrUnsupported = gradient.ErrUnsupported
	// ErrNoClasses means that a model or its labels have no classes.
	ErrNoClasses = task.ErrNoClasses
	// ErrLimit means that a model asks for more memory or work than the option Memory
	// allows.
	ErrLimit = gradient.ErrLimit
	// ErrUnfinished means that Attack had no time to finish any attack.
	ErrUnfinished = attack.ErrUnfinished
	// ErrNoLabels means that the task needs labels.
	ErrNoLabels = task.ErrNoLabels
	// ErrExists means that an output file exists and Force is false.
	ErrExists = atomicfile.ErrExists
)

// Types of errors for errors.As. Their fields have the names and numbers of what was
// wrong.
type (
	// TargetError means that the search did not reach its target. It wraps ErrTarget.
	TargetError = perturb.TargetError
	// NoAnswersError means that ProtectOptions.EveryAnswer was set for a task whose answers are no
	// choices among classes.
	NoAnswersError = perturb.NoAnswersError
	// NoCandidatesError means that no parameter may be changed.
	NoCandidatesError = perturb.NoCandidatesError
	// UselessError means that a model is no better than chance before it is locked.
	UselessError = perturb.UselessError
	// SamplesError means that there are too few samples to decide when a model is useless.
	SamplesError = perturb.SamplesError
	// WeakError means that a classifier is no better than guesses beyond luck before it is locked.
	WeakError = perturb.WeakError
	// OrderError means that the labels are in another order than a model's classes.
	OrderError = perturb.OrderError
	// MadeUpError means that a model that was locked with samples that are made up, or that it
	// was hardly right on, is still right on others. It wraps ErrTarget.
	MadeUpError = minimal.MadeUpError
	// OutputsError means that the output with the answers is locked, and others are not. It
	// wraps ErrTarget.
	OutputsError = minimal.OutputsError
	// NoLabelsError means that the task needs labels and the data has none. It wraps ErrNoLabels.
	NoLabelsError = samples.NoLabelsError
	// FewClassesError means that samples are of too few classes to tell what a classifier is
	// worth.
	FewClassesError = samples.FewClassesError
	// SameOutputsError means that a model computes the same for all samples.
	SameOutputsError = samples.SameOutputsError
	// PreparationError means that a classifier is right on far more of the samples if they are
	// in another scale: they are not prepared as in training.
	PreparationError = samples.PreparationError
	// PreprocessError means that a classifier is worth little on images as they are prepared,
	// and more on images prepared otherwise. It wraps the error that said so.
	PreprocessError = samples.PreprocessError
	// GuessError means that outputs and labels do not show what a model is for.
	GuessError = task.GuessError
	// LabelError means that labels do not suit the task.
	LabelError = task.LabelError
	// ClassesError means that labels are no classes.
	ClassesError = dataset.ClassesError
	// UnsupportedError names the nodes that have no implementation or no gradient. It
	// wraps ErrUnsupported.
	UnsupportedError = gradient.UnsupportedError
	// LogitsError means that an output does not have one value per class.
	LogitsError = gradient.LogitsError
	// SharedError means that samples differ in an input that all of them share.
	SharedError = gradient.SharedError
	// AxisError means that an input or output has no such axis of samples.
	AxisError = gradient.AxisError
	// RowsError means that an output does not have a row for each sample.
	RowsError = task.RowsError
	// CountError means that two arrays for inputs have different numbers of samples.
	CountError = dataset.CountError
	// MadeUpInputsError means that no samples can be made up for the inputs of a model.
	MadeUpInputsError = synth.InputsError
	// MadeUpShapeError means that the shape of samples to make up is unknown.
	MadeUpShapeError = synth.ShapeError
	// ExistsError means that an output file exists. It wraps ErrExists.
	ExistsError = atomicfile.ExistsError
	// OptionError is a mistake in the options of a call. Nothing was written.
	OptionError = feedback.OptionError
	// WorkFactorError means that a key asks for more work to try a passphrase than
	// KeyFile.MaxWorkFactor allows.
	WorkFactorError = key.WorkFactorError
)

// NoWeightsError means that there is nothing in a model that training made, or nothing that
// the profile can change.
type NoWeightsError struct {
	Model string // the path of its file
	// List is a list of weights that is an attribute, as linear models have. The profile Sealed
	// encrypts it.
	List string
}

func (e *NoWeightsError) Error() string {
	if e.List != "" {
		return fmt.Sprintf("%s: not a neural network: its weights are attributes of operators, such as %s, which only the profile sealed changes", e.Model, e.List)
	}
	return e.Model + ": the model has no weights, so that there is nothing to lock"
}

// Unwrap returns ErrUnsupported.
func (e *NoWeightsError) Unwrap() error { return ErrUnsupported }

// NotOriginalError means that the model given as the original is another one.
type NotOriginalError struct {
	Original, Locked string // the files
	// Digests reports whether the digests in the key differ; the error then wraps
	// ErrMismatch. Otherwise the names or sizes of initializers differ.
	Digests bool
}

func (e *NotOriginalError) Error() string {
	if e.Digests {
		return fmt.Sprintf("%v: %s is not the original of %s", ErrMismatch, e.Original, e.Locked)
	}
	return fmt.Sprintf("%s is not what %s was before it was locked: their initializers differ", e.Original, e.Locked)
}

// Unwrap returns ErrMismatch if digests differ.
func (e *NotOriginalError) Unwrap() error {
	if e.Digests {
		return ErrMismatch
	}
	return nil
}

// OpenAxesError means that Bench needs BenchOptions.Shapes for an input. It wraps an
// OptionError.
type OpenAxesError struct {
	Input string // its name
	Shape string // with the type and the open axes, for people
}

func (e *OpenAxesError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the OptionError.
func (e *OpenAxesError) Unwrap() error { return optionf("Shapes", "input %s has open axes", e.Shape) }
