package ops

import (
	"errors"
	"fmt"
)

// buildError is the panic value that carries an error out of a build function.
// Operators are written as expressions, and an error inside one ends the build.
type buildError struct{ error }

func fail(format string, args ...any) { panic(buildError{fmt.Errorf(format, args...)}) }

// ErrUnsupported is wrapped by the errors that say a valid model uses something
// this package does not compute.
var ErrUnsupported = errors.New("not supported")

// ErrLimit is wrapped by the errors that say a model asks for more memory or work than
// Limits allow.
var ErrLimit = errors.New("more than the limit")

func unsupported(format string, args ...any) {
	fail("%s: %w", fmt.Sprintf(format, args...), ErrUnsupported)
}

// Bound says what a limit is on.
type Bound int

// The bounds of Limits.
const (
	BoundValue     Bound = iota // the elements of one value
	BoundConstants              // the bytes of all constants that are computed while compiling
	BoundWork                   // the multiplications of all operators
)

// LimitError means that a model asks for more memory or work than Limits allow. It wraps ErrLimit.
type LimitError struct {
	Bound    Bound
	Limit    int64
	Operator string // that exceeds the limit; "" for a value
	Shape    []int  // of a value
}

func (e *LimitError) Error() string {
	switch e.Bound {
	case BoundConstants:
		return fmt.Sprintf("%s: constants that are computed while compiling take more than %d bytes", e.Operator, e.Limit)
	case BoundWork:
		return fmt.Sprintf("%s: the model would take more than %d multiplications, which is the limit for files and data of this size", e.Operator, e.Limit)
	}
	return fmt.Sprintf("shape %v has too many elements; at most %d are supported", e.Shape, e.Limit)
}

// Unwrap returns ErrLimit.
func (e *LimitError) Unwrap() error { return ErrLimit }

// IndexError means that an element of an input is not an index of an axis.
type IndexError struct {
	Index  int64
	Length int // of the axis
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("index %d on an axis of %d", e.Index, e.Length)
}

// Hint says what may be wrong.
func (e *IndexError) Hint() string {
	return fmt.Sprintf("the model looks up numbers below %d there: use the vocabulary that it was trained with", e.Length)
}

// Catch calls f and returns the error that ended a build in it, if any.
func Catch(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(buildError)
			if !ok {
				panic(r)
			}
			err = e.error
		}
	}()
	f()
	return nil
}
