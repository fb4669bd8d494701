package advparams

import (
	"context"
	"io"
	"time"

	"filippo.io/age"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// ProtectOptions are the options of Protect. Required are Model, Data unless the profile is
// Sealed, one of Locked, LockedTo and InPlace, Key or KeyTo, and one of Recipients,
// Passphrase and PlainKey.
type ProtectOptions struct {
	Model string // the file of the original model
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means that outputs and labels decide.
	Task Task
	Data Data
	// Samples is the largest number of samples to search with. 0 means 2,000, or 512
	// if samples are made up; AllSamples means all there are.
	Samples int

	// Locked is the file to write the locked model to. If LockedTo is not nil, the
	// model goes there instead, and must not have external data.
	Locked   string
	LockedTo io.Writer
	// Key is the file to write the key to. If KeyTo is not nil, the key goes there
	// instead.
	Key   string
	KeyTo io.Writer
	// Force replaces a file that exists at Locked, unless it is a key or an identity.
	// It never replaces a key, which may be the only way back to another model.
	Force bool
	// KeepOldKey gives a key that exists at Key another name instead of an error: the
	// first free one of Key.1, Key.2 …
	KeepOldKey bool
	// AllowPartial writes the files even if the target was not reached. Protect then
	// returns both a Protection and an error that wraps ErrTarget. If the context ends
	// while the search runs, Protect writes the best lock so far, and returns a Protection
	// with the error of the context.
	AllowPartial bool

	// Recipients can open the key; Recipients parses them. Passphrase returns
	// the passphrase to seal the key with instead. PlainKey does not seal the key:
	// whoever has the file can unlock the model.
	Recipients []age.Recipient
	Passphrase func() (string, error)
	PlainKey   bool

	// Profile is Minimal or Sealed; "" means Minimal. Sealed needs no Data; with
	// data, the accuracy is measured before and after.
	Profile Profile
	// Share, if it is not 0, lets Sealed encrypt only the first weights in the order of the
	// graph, as many as reach this share of all parameters, between 0 and 1.
	Share float64
	// SealScales lets Sealed encrypt the scales of quantised channels too. They stay in clear
	// without it, since runtimes could not fuse quantised layers (docs/sealing.md).
	SealScales bool
	// Secret, of 16 bytes or more, makes the output of Sealed reproducible: the seed is derived
	// from the secret, the original and what is sealed of it. Without it, every call draws a seed.
	Secret []byte
	// InPlace lets Sealed change the files of Model instead of writing others. If that is
	// interrupted, the next call for the same model goes on (see Unlock).
	InPlace bool
	// Target is the accuracy to reach, or the quality (task.Score) if the task has no
	// accuracy. 0 means chance: that of answers which do not depend on the sample.
	Target float64
	// EveryAnswer is for models that choose among classes. Minimal then makes a model useless also
	// without its most frequent answers (Protection.Rest), which takes several times as many
	// changes. It has no effect where numbers are compared in place of answers that say little.
	EveryAnswer bool
	// MaxParams is the largest number of parameters that Minimal changes; 0 means 128, or
	// perturb.MostChanges if these are not enough and there is work left.
	MaxParams int
	// TimeLimit ends the search of Minimal, counted from the call. 0 means no limit. The result
	// is then what the search has found so far, and differs from run to run.
	TimeLimit time.Duration
	// Beam is the number of sets of changes to follow at a time; 0 means 1. A larger number
	// may find fewer changes and takes longer.
	Beam int
	// Include and Exclude choose the weights that may be changed. They are
	// patterns for whole names: * matches any characters, ? a single one. No Include
	// means all weights.
	Include, Exclude []string
	// Unbounded lets changed values leave the range of their tensor.
	Unbounded bool

	// Report is the file to write what was done to, as one HTML page; "" means none. If
	// ReportTo is not nil, the page goes there instead. Force replaces a file that exists,
	// unless it is no report. The page says where the changes are: it is as secret as the
	// key.
	Report   string
	ReportTo io.Writer

	// Runtime, if it is OnnxRuntime, also measures the locked model in onnxruntime before it is
	// written. If the model is not useless there, the error wraps ErrTarget. Python is as in
	// VerifyOptions.
	Runtime, Python string

	Threads int // to compute on; 0 means one per core
	// Memory is how many bytes the values of a batch may take. The limit on the work of a model
	// follows from it. 0 means a limit in proportion to the model and the data, which is enough
	// unless a small file needs much on purpose (gradient.Config.Memory).
	Memory int64
	// Tool is the name of the program in the key; "" means this module and its version.
	Tool string
	// Created is the time in the key; zero means now. With a fixed time and a plain
	// key, equal calls write equal bytes.
	Created time.Time

	Progress func(Progress) // may be nil
	Notice   func(Notice)   // may be nil
}

// AllSamples as ProtectOptions.Samples means all samples of the data.
const AllSamples = -1

// Profile says how the parameters to change are chosen.
type Profile string

const (
	// Minimal changes the fewest parameters that make a model useless.
	Minimal Profile = "minimal"
	// Sealed encrypts every weight. The file stays a valid model of the same size, which
	// runs at the same speed. It needs no data.
	Sealed Profile = "sealed"
)

func (o *ProtectOptions) check() error {
	switch {
	case o.Model == "":
		return optionf("Model", "there is no model to lock")
	case !o.Data.Given() && o.Profile != Sealed:
		return optionf("Data", "there are no samples to search with")
	case o.Locked == "" && o.LockedTo == nil && !o.InPlace:
		return optionf("Locked", "there is no place for the locked model")
	case o.Key == "" && o.KeyTo == nil:
		return optionf("Key", "there is no place for the key")
	case o.Profile != "" && o.Profile != Minimal && o.Profile != Sealed:
		return &OptionError{Option: "Profile", Value: string(o.Profile), Reason: "is not minimal or sealed"}
	case !(o.Target >= 0 && o.Target < 1):
		return &OptionError{Option: "Target", Value: o.Target, Reason: "is not between 0 and 1"}
	case o.MaxParams < 0:
		return &OptionError{Option: "MaxParams", Value: o.MaxParams, Reason: "is negative"}
	case o.TimeLimit < 0:
		return &OptionError{Option: "TimeLimit", Value: o.TimeLimit, Reason: "is negative"}
	case o.Beam < 0 || o.Beam > 64:
		return &OptionError{Option: "Beam", Value: o.Beam, Reason: "is not between 1 and 64"}
	case o.Samples < AllSamples:
		return &OptionError{Option: "Samples", Value: o.Samples, Reason: "is negative"}
	case o.Data.MadeUp && o.Task != nil && !o.Task.Traits().Classes && o.Task.Name() != task.Outputs{}.Name():
		return &OptionError{Option: "Task", Value: o.Task.Name(), Reason: "does not go with samples that are made up: classification and outputs do"}
	}
	if err := o.checkSealed(); err != nil {
		return err
	}
	if err := o.checkRuntime(); err != nil {
		return err
	}
	if err := o.checkSeal(); err != nil {
		return err
	}
	if !o.Data.Given() {
		return nil
	}
	return checkData(&o.Data, "Data")
}

// Protect finds parameters whose change makes a model useless. It writes a model in
// which they are changed, and a key that restores the original. Nothing else in the
// file differs, and changed values stay between the smallest and the largest value of
// their tensor unless Unbounded is set. With the profile Sealed all weights are encrypted
// instead, and nothing has to be searched for (docs/sealing.md).
//
// If the search does not reach the target within its budget, the error wraps
// ErrTarget, and nothing is written unless AllowPartial is set.
func Protect(ctx context.Context, opt ProtectOptions) (p *Protection, err error) {
	defer onnxio.Faults(&err)()
	p, err = protect(ctx, &opt)
	return p, interrupted(ctx, err)
}

func protect(ctx context.Context, opt *ProtectOptions) (*Protection, error) {
	start := time.Now()
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := finishInterrupted(ctx, opt.Model); err != nil {
		return nil, err
	}
	if opt.Profile == Sealed {
		return protectSealed(ctx, opt, start)
	}
	return protectMinimal(ctx, opt, start)
}
