package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/cliflag"
	"github.com/advparams/advparams/internal/hint"
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

// flagHints has what to do about errors of package advparams, in terms of flags.
var flagHints = []struct {
	about func(error) bool
	hint  string
}{
	{is[*advparams.OutputsError], "raise --max-params, or name the output that counts with --output"},
	{is[*advparams.LockedRuntimeError], "please report this model and version; --allow-partial writes what there is"},
	{is[*advparams.NoAnswersError], "leave out --every-answer"},
	{is[*advparams.NoCandidatesError], "check --include and --exclude; weights in a field without fixed width (float16 in int32_data) are locked by --profile sealed"},
	{func(err error) bool {
		e, ok := errors.AsType[*advparams.NoWeightsError](err)
		return ok && e.List != ""
	}, "lock it by --profile sealed"},
	{is[*advparams.NothingToSealError], "check --include, --exclude and --share"},
	{is[*advparams.UselessError], "check that labels and preprocessing (--mean, --std) are those it was trained with, --task, and that it is not locked already"},
	{is[*advparams.GuessError], "say so with --task; --task outputs is for any model, without labels"},
	{is[*advparams.MadeUpError], "give real data with --data, unlabelled with --labels model, or raise --max-params"},
	{is[*advparams.SamplesError], "give more samples (--samples, --limit); a few hundred are enough"},
	{is[*advparams.WeakError], "check labels and preprocessing (--mean, --std); if the model is no better, use its own answers with --labels model"},
	{is[*advparams.OrderError], "number the classes of the data in the order that the model was trained with, or use its own answers with --labels model"},
	{is[*advparams.FewClassesError], "give samples of all classes, or --task outputs, which compares with the original's outputs"},
	{is[*advparams.SameOutputsError], "check the preprocessing (--mean, --std), and give samples such as the model was trained on"},
	{wraps(advparams.ErrUnfinished), "raise --time-limit, or make attacks shorter with a smaller --fraction, fewer --epochs or one optimiser in --grid"},
	{wraps(advparams.ErrNoClasses), "--task says what the model is for"},
	{wraps(advparams.ErrNoLabels), "add labels, or use the original model's answers with --labels model"},
	{is[*advparams.UnsupportedError], "docs/operators.md lists what is implemented; `advparams inspect` shows what the model uses"},
	{is[*advparams.LogitsError], "of several outputs, --output chooses the one with the answers"},
	{is[*advparams.MadeUpInputsError], "give an .npz with --data that has an array for each input, named after it; --profile sealed needs none"},
	{is[*advparams.MadeUpShapeError], "say what it is with --shape, without the axis of samples, as in --shape "},
	{is[*advparams.SharedError], "say with --batch-axis NAME=K which of its axes counts samples, or make it the same for all"},
	{func(err error) bool { return is[*advparams.CountError](err) || is[*advparams.RowsError](err) }, "--batch-axis NAME=none says that an input has no axis of samples: it is the same for all, or one sample as a whole, of which data have one axis more"},
	{is[*advparams.AxisError], "`advparams inspect` shows inputs and outputs with their axes, which --batch-axis counts from 0"},
	{wraps(advparams.ErrLimit), "if you trust the model, raise the limit with --memory, as in --memory 16GiB; smaller batches and fewer samples take less"},
	{is[*advparams.ExistsError], "choose another name, or replace it with --force"},
}

// flagHint returns the flags that help; "" where there are none.
func flagHint(err error) string {
	if e, ok := errors.AsType[*advparams.TargetError](err); ok {
		return targetHint(e)
	}
	if e, ok := errors.AsType[*advparams.LabelError](err); ok {
		return labelHint(e)
	}
	if e, ok := errors.AsType[*advparams.ClassesError](err); ok {
		if e.Text != "" {
			return e.Hint() + "; --task regression takes numbers to predict"
		}
		return e.Hint() + "; --task says what the model is for, if it is no classifier"
	}
	if e, ok := errors.AsType[*advparams.ExistsError](err); ok && e.Secret {
		return "" // the error says it: no flag replaces it
	}
	if e, ok := errors.AsType[*advparams.WorkFactorError](err); ok {
		return fmt.Sprintf("%s; --max-work-factor %d then opens it", e.Hint(), e.Asked)
	}
	if e, ok := errors.AsType[*advparams.PreprocessError](err); ok {
		return "try " + cliflag.Suggestion(e.Preset, e.Better)
	}
	if e, ok := errors.AsType[*advparams.UselessError](err); ok && e.High > 16 && e.Low >= 0 && e.High <= 255 {
		return "divide the inputs by 255 if the model was trained on [0,1]; check labels, --mean, --std and --task"
	}
	if e, ok := errors.AsType[*advparams.PreparationError](err); ok {
		return e.Hint() + " (--mean, --std)"
	}
	for _, h := range flagHints {
		if h.about(err) {
			return h.hint + hint.Example(err)
		}
	}
	return ""
}

// targetHint returns what to do about a search that did not reach the target.
func targetHint(e *advparams.TargetError) string {
	switch {
	case e.Stopped != nil:
		return "raise --time-limit, or keep what there is with --allow-partial"
	case e.Spent:
		return "give it more time with --time-limit, which lifts this bound, raise --target-accuracy, or keep what there is with --allow-partial"
	case e.Stuck:
		return "try --beam 4, other samples (--seed, --samples) or a higher --target-accuracy; --bounds none lets values leave their range, and --profile sealed needs no search"
	}
	return "raise --max-params or --target-accuracy; --profile sealed needs no search"
}

// labelHint returns what to do about a label that the task does not have.
func labelHint(e *advparams.LabelError) string {
	switch {
	case e.Binary:
		return "--task says what the model is for, if this is wrong"
	case e.Classes == 0:
		return e.Hint() + "; for numbers to predict use --task regression"
	}
	return e.Hint()
}

// wraps returns a function that reports whether an error wraps target.
func wraps(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// manifestHint returns what can be done about an error of a batch: what the error
// says itself, in terms of the manifest, and the flags that help as well.
func manifestHint(err error) string {
	advice := hint.Of(err)
	switch {
	case is[*batch.KilledError](err):
		return advice + ", or fewer --workers"
	case is[*batch.OutputExistsError](err):
		return advice + ", or replace it with --force"
	case is[*batch.ShardError](err) && advice == "":
		return "in Slurm, Kubernetes and AWS Batch arrays leave --shard out: it follows from the environment"
	case is[*batch.ShardError](err):
		return advice + ", or give --shard"
	case is[*batch.CacheSizeError](err):
		return "raise --cache-size, or " + advice
	}
	return advice
}

// is reports whether an error, or one that it wraps, has a type.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// usualHint is what to do about errors that come without a hint of their own.
func usualHint(err error) string {
	switch {
	case is[*internalError](err):
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
