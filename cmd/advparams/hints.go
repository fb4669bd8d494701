package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// advised is an error of the command with a hint.
type advised struct {
	error
	hint string
}

func (e *advised) Unwrap() error { return e.error }
func (e *advised) Hint() string  { return e.hint }

// withHint attaches a hint to an error. It is a phrase without a final full stop.
func withHint(err error, format string, args ...any) error {
	return &advised{err, fmt.Sprintf(format, args...)}
}

// advise returns what a person can do about an error: in terms of flags where these
// help, or else what the error itself knows, or what usually helps. It is "" if there
// is no advice.
func advise(err error) string {
	for _, of := range []func(error) string{optionHint, flagHint, manifestHint, usualHint} {
		if advice := of(err); advice != "" {
			return advice
		}
	}
	return ""
}

// flagHint returns the flags that help; "" where there are none.
func flagHint(err error) string {
	if e, ok := errors.AsType[*perturb.TargetError](err); ok && e.Budget > 0 {
		return "raise --budget or --target-accuracy"
	}
	if e, ok := errors.AsType[*task.LabelError](err); ok {
		switch {
		case e.Binary:
			return "--task says what the model is for, if this is wrong"
		case e.Classes == 0:
			return e.Hint() + "; for numbers to predict use --task regression"
		}
		return e.Hint()
	}
	if e, ok := errors.AsType[*dataset.ClassesError](err); ok {
		if e.Text != "" {
			return e.Hint() + "; --task regression takes numbers to predict"
		}
		return e.Hint() + "; --task says what the model is for, if it is no classifier"
	}
	switch {
	case is[*perturb.TargetError](err):
		return "raise --max-params or --target-accuracy"
	case is[*perturb.BudgetError](err):
		return "raise --budget"
	case is[*perturb.NoCandidatesError](err):
		return "check --include and --exclude"
	case is[*perturb.UselessError](err):
		return "check that labels and preprocessing (--mean, --std) are those it was trained with, --task, and that it is not locked already"
	case is[*task.GuessError](err):
		return "say so with --task; for models without labels that is --task embedding, or --labels model with another task"
	case errors.Is(err, task.ErrNoClasses):
		return "--task says what the model is for"
	case errors.Is(err, task.ErrNoLabels):
		return "add labels, or use the original model's answers with --labels model"
	case is[*gradient.UnsupportedError](err):
		return "docs/operators.md lists what is implemented; `advparams inspect` shows what the model uses"
	case is[*gradient.LogitsError](err):
		return "of several outputs, --output chooses the one with the answers"
	case is[*synth.InputsError](err):
		return "give data with --data"
	case is[*synth.ShapeError](err):
		return "say what it is with --shape, without the axis of samples, as in --shape 3,224,224"
	case is[*atomicfile.ExistsError](err):
		if e, _ := errors.AsType[*atomicfile.ExistsError](err); e.Secret {
			return "" // the error says it: no flag replaces it
		}
		return "choose another name, or replace it with --force"
	}
	return ""
}

// is reports whether an error, or one that it wraps, has a type.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// usualHint is what to do about errors that come without a hint of their own.
func usualHint(err error) string {
	var internal *internalError
	switch {
	case errors.As(err, &internal):
		return "this is a mistake in advparams: please report it with the lines above"
	case errors.Is(err, advparams.ErrMismatch):
		return "give the locked model and the key that were written together, as they were written"
	case errors.Is(err, advparams.ErrDamaged), errors.Is(err, advparams.ErrRecord):
		return "get the key again from where it was written: a damaged key cannot be repaired"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	case errors.Is(err, fs.ErrPermission):
		return "check the permissions of the file and its folder"
	}
	return ""
}
