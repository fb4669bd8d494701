package ops

import (
	"errors"
	"fmt"
)

// buildError carries an error out of a build function: operators are written
// as expressions, and an error in the middle of one ends the compilation.
type buildError struct{ error }

func fail(format string, args ...any) { panic(buildError{fmt.Errorf(format, args...)}) }

// ErrUnsupported is wrapped by the errors that say a valid model uses something
// this package does not compute.
var ErrUnsupported = errors.New("not supported")

func unsupported(format string, args ...any) {
	fail("%s: %w", fmt.Sprintf(format, args...), ErrUnsupported)
}

// Catch calls f and returns the error by which building in it ended.
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
