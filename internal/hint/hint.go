// Package hint reads from an error what its reader can do about it.
package hint

import "errors"

// Hinter is an error that says what its reader can do about it. Typed errors of the
// libraries implement it.
type Hinter interface {
	error
	// Hint returns a phrase without a final full stop, or "".
	Hint() string
}

// Example returns what an error gives as an example of what its hint asks for, or "".
func Example(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Example() string
	}](err); ok {
		return e.Example()
	}
	return ""
}

// Of returns the innermost hint of err, which is the most specific, or "".
func Of(err error) string {
	var text string
	for h := Hinter(nil); errors.As(err, &h); err = errors.Unwrap(h) {
		if advice := h.Hint(); advice != "" {
			text = advice
		}
	}
	return text
}
