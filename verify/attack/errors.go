package attack

import (
	"errors"
	"fmt"
)

// ErrNoWeights means that a model has no floating-point weights to train.
var ErrNoWeights = errors.New("there are no floating-point weights to train")

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
