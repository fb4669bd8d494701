// Package hint attaches to an error what its reader can do about it.
package hint

import (
	"errors"
	"fmt"
)

type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

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
	for h := (*hinted)(nil); errors.As(err, &h); err = h.error {
		text = h.hint
	}
	return text
}
