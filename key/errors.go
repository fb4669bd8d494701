package key

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrIdentity is returned when no identity, or not this passphrase, opens a
	// sealed key. Damage to the wrapped keys in its header looks the same.
	ErrIdentity = errors.New("cannot open this key")
	// ErrDamaged is returned for what is not a key, or no longer: truncated,
	// altered, of an unknown version, or in contradiction with itself.
	ErrDamaged = errors.New("damaged key")
)

// IdentityError means that no identity, or not this passphrase, opens a sealed key. It
// wraps ErrIdentity.
type IdentityError struct{ Info Info }

func (e *IdentityError) Error() string {
	if e.Info.Passphrase() {
		return fmt.Sprintf("%v: wrong or missing passphrase", ErrIdentity)
	}
	return fmt.Sprintf("%v: wrong or missing identity; it is sealed to %s", ErrIdentity, strings.Join(e.Info.Recipients, ", "))
}

// Unwrap returns ErrIdentity.
func (e *IdentityError) Unwrap() error { return ErrIdentity }

// Hint says what to do.
func (e *IdentityError) Hint() string {
	if e.Info.Passphrase() {
		return "give the passphrase it was sealed with"
	}
	return "give the identity file that belongs to one of its recipients; a damaged header looks the same"
}

// DamagedError says what is wrong with a key. It wraps ErrDamaged.
type DamagedError struct {
	Reason error
	Advice string // what to do about it; "" where there is nothing particular
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%v: %v", ErrDamaged, e.Reason) }

// Unwrap returns ErrDamaged and Reason.
func (e *DamagedError) Unwrap() []error { return []error{ErrDamaged, e.Reason} }

// Hint returns Advice, or else the hint of Reason.
func (e *DamagedError) Hint() string {
	var inner interface{ Hint() string }
	if e.Advice == "" && errors.As(e.Reason, &inner) {
		return inner.Hint()
	}
	return e.Advice
}

func damaged(reason error) error { return &DamagedError{Reason: reason} }

// VersionError means that a key has a format version that this program does not know.
type VersionError struct {
	Version, Latest uint32 // of the key, and the latest that is known
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("format version %d; this program knows 1 to %d", e.Version, e.Latest)
}

// Hint says what to do.
func (e *VersionError) Hint() string { return "a newer advparams may have written it: update" }

// CipherError means that a key has tensors that are encrypted in a way that this program
// does not know.
type CipherError struct {
	Version, Latest uint32 // of the cipher, and the latest that is known
}

func (e *CipherError) Error() string {
	return fmt.Sprintf("tensors are encrypted with cipher %d; this program knows 1 to %d", e.Version, e.Latest)
}

// Hint says what to do.
func (e *CipherError) Hint() string { return "a newer advparams may have written it: update" }

// UnknownError means that a key has a field or a kind of elements that this program does
// not know.
type UnknownError struct{ What string }

func (e *UnknownError) Error() string { return e.What }

// Hint says what to do.
func (e *UnknownError) Hint() string { return "a newer advparams may have written it: update" }

// RecipientsError means that a key cannot be sealed to a list of recipients: it is
// empty, or has a passphrase and others.
type RecipientsError struct{ Recipients int }

func (e *RecipientsError) Error() string {
	if e.Recipients == 0 {
		return "sealing the key: no recipient"
	}
	return "sealing the key: a passphrase and other recipients"
}

// Hint says what is possible.
func (e *RecipientsError) Hint() string {
	if e.Recipients == 0 {
		return "name a recipient (age1…) or use a passphrase"
	}
	return "age allows a passphrase alone, or any number of recipients"
}

// WorkFactorError means that a key asks for more work to try a passphrase than is
// allowed. It wraps ErrIdentity.
type WorkFactorError struct {
	Asked, Allowed int // as exponents of two: work factors of scrypt
}

func (e *WorkFactorError) Error() string {
	return fmt.Sprintf("%v: it asks for 2^%d KiB of memory to try a passphrase; 2^%d KiB are allowed", ErrIdentity, e.Asked, e.Allowed)
}

// Unwrap returns ErrIdentity.
func (e *WorkFactorError) Unwrap() error { return ErrIdentity }

// Hint says why.
func (e *WorkFactorError) Hint() string {
	return "keys that advparams or age made ask for 2^18 KiB: make sure that you know who made this one"
}

// ParseError means that text is no recipient or no identity. It never quotes an
// identity.
type ParseError struct {
	Problem string
	Err     error  // the fault that the age library found, or nil
	Advice  string // what to give instead
}

func (e *ParseError) Error() string {
	switch {
	case e.Err == nil:
		return e.Problem
	case e.Problem == "":
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", e.Problem, e.Err)
}

// Unwrap returns Err.
func (e *ParseError) Unwrap() error { return e.Err }

// Hint returns Advice.
func (e *ParseError) Hint() string { return e.Advice }
