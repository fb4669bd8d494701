// Package hint attaches to an error what its reader can do about it.
package hint

import (
	"errors"
	"fmt"
)

// Hinter is an error that says what its reader can do about it. Typed errors of
// the libraries implement it; [With] makes one of any error.
type Hinter interface {
	error
	// Hint returns a phrase without a final full stop, or "".
	Hint() string
}

type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }
func (h *hinted) Hint() string  { return h.hint }

// With attaches a hint to err. The hint is a phrase without a final full stop.
func With(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
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
