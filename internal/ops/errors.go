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

// SizeError means that a value would be larger than the limits allow.
type SizeError struct {
	Shape           []int // of the value
	Elements, Limit int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("shape %v has %d elements; at most %d are supported", e.Shape, e.Elements, e.Limit)
}

// Is reports whether target is ErrLimit.
func (e *SizeError) Is(target error) bool { return target == ErrLimit }

// FoldError means that the constants of a graph, which are computed at compile
// time, take more memory than the limits allow.
type FoldError struct {
	Operator string // that exceeds the limit
	Limit    int64  // bytes
}

func (e *FoldError) Error() string {
	return fmt.Sprintf("%s: constants that are computed while compiling take more than %d bytes", e.Operator, e.Limit)
}

// Is reports whether target is ErrLimit.
func (e *FoldError) Is(target error) bool { return target == ErrLimit }

// WorkError means that a model asks for more work than the limits allow.
type WorkError struct {
	Operator string // that exceeds the limit
	Limit    int64  // multiplications
}

func (e *WorkError) Error() string {
	return fmt.Sprintf("%s: the model would take more than %d multiplications, which is the limit for files and data of this size", e.Operator, e.Limit)
}

// Is reports whether target is ErrLimit.
func (e *WorkError) Is(target error) bool { return target == ErrLimit }

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
