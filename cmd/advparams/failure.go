package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// internalError is a panic.
type internalError struct {
	value any
	stack []byte
}

func (e *internalError) Error() string { return fmt.Sprintf("internal error: %v", e.value) }

// exitStatus returns the exit status for an error.
func exitStatus(err error) int {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	var usage *usageError
	var option *advparams.OptionError
	var batch *batchFailed
	switch {
	case err == nil:
		return exitcode.Done
	case errors.As(err, &batch):
		return batch.status
	case errors.As(err, &usage), errors.As(err, &option):
		return exitcode.Usage
	case is(advparams.ErrTarget):
		return exitcode.Target
	case is(advparams.ErrIdentity, advparams.ErrDamaged, advparams.ErrMismatch, advparams.ErrRecord):
		return exitcode.Key
	case is(advparams.ErrUnsupported):
		return exitcode.Unsupported
	}
	return exitcode.Failed
}

// report prints an error and returns the exit status.
func (a *app) report(err error) int {
	if err == nil {
		return exitcode.Done
	}
	text, advice := explain(err)
	a.printError(err, text, advice)
	return exitStatus(err)
}

// explain returns what to say about an error, and what can be done about it.
func explain(err error) (text, advice string) {
	text, advice = err.Error(), advise(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	return text, advice
}

// printError prints the explanation of an error, with the stack of a panic.
func (a *app) printError(err error, text, advice string) {
	var internal *internalError
	if errors.As(err, &internal) {
		fmt.Fprintf(a.stderr, "%s\n", internal.stack)
	}
	fmt.Fprintf(a.stderr, "advparams: error: %s\n", oneLine(text))
	if advice != "" {
		fmt.Fprintf(a.stderr, "advparams: hint: %s\n", oneLine(advice))
	}
}

// oneLine makes text from files safe to print: line ends become "; ", other
// control characters, which could steer the terminal, are escaped.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	if utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1: // a terminal may take the byte for a C1 control
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r > 0xffff && unprintable(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case unprintable(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// plainJSON escapes in JSON what oneLine does in text: encoding/json leaves the
// controls from U+007F on, and those for directions, as they are.
func plainJSON(text []byte) []byte {
	if bytes.IndexFunc(text, steering) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case !steering(r):
			out = append(out, text[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}

// steering reports whether a character of JSON can only be part of a string, and is
// not printable.
func steering(r rune) bool { return r >= 0x7f && unprintable(r) }

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
