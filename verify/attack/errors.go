package attack

import (
	"errors"
	"fmt"
	"time"
)

// ErrNoWeights means that a model has no floating-point weights to train.
var ErrNoWeights = errors.New("there are no floating-point weights to train")

// ErrUnfinished is wrapped by UnfinishedError, for errors.Is.
var ErrUnfinished = errors.New("no attack was finished")

// UnfinishedError means that Options.TimeLimit was over before any attack was finished.
type UnfinishedError struct{ Limit time.Duration }

func (e *UnfinishedError) Error() string { return fmt.Sprintf("%v within %v", ErrUnfinished, e.Limit) }

// Unwrap returns ErrUnfinished.
func (e *UnfinishedError) Unwrap() error { return ErrUnfinished }

// Hint says what to do.
func (e *UnfinishedError) Hint() string {
	return "give more time, or make attacks shorter: with fewer samples, epochs or optimisers"
}

// UnknownError means that there is no attack of a name.
type UnknownError struct{ Attack string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no attack %q", e.Attack) }

// Hint lists the attacks.
func (e *UnknownError) Hint() string { return fmt.Sprintf("there are %q", List()) }

// OriginalError means that an attack needs Options.Original (see NeedsOriginal).
type OriginalError struct{ Attack string }

func (e *OriginalError) Error() string { return fmt.Sprintf("attack %q needs the key", e.Attack) }

// Hint says what to do.
func (e *OriginalError) Hint() string { return "give the key, or leave this attack out" }

// ModelError means that an attack needs Options.Public or Options.Oracle.
type ModelError struct{ Attack string }

func (e *ModelError) Error() string {
	if e.Attack == Public {
		return fmt.Sprintf("attack %q needs the public model that the original was tuned from", e.Attack)
	}
	return fmt.Sprintf("attack %q needs the original to ask", e.Attack)
}

// PublicError means that Options.Public has no tensor of the shape of one of the model's.
type PublicError struct{ Model string }

func (e *PublicError) Error() string {
	return e.Model + " was not tuned from the public model: no tensors have the same shape"
}

// Hint says what to do.
func (e *PublicError) Hint() string { return "give the model that it was tuned from, or none" }

// OracleError means that Options.Oracle does not answer like the locked model.
type OracleError struct{ Classes, Answered int }

func (e *OracleError) Error() string {
	return fmt.Sprintf("the model that is asked has %d classes, the locked one %d", e.Answered, e.Classes)
}

// SamplesError means that the attacker has too few samples to train and to validate
// on.
type SamplesError struct{ Samples int }

func (e *SamplesError) Error() string {
	return fmt.Sprintf("%d samples are too few to train and validate on", e.Samples)
}

// Hint says what to do.
func (e *SamplesError) Hint() string { return "give more data, or a larger fraction of it" }

// StateError means that Options.State cannot be continued.
type StateError struct {
	Path string
	// Foreign reports whether the file has the attacks of another run, and not
	// something else.
	Foreign bool
}

func (e *StateError) Error() string {
	if e.Foreign {
		return e.Path + " belongs to attacks with another model, other data or other settings"
	}
	return e.Path + " is not a file that attacks are noted in"
}

// Hint says what to do.
func (e *StateError) Hint() string {
	if e.Foreign {
		return "repeat them with what they had, or name another file"
	}
	return "name another file, or remove this one"
}
