package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/internal/terminal"
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// failure is an error in JSON.
type failure struct {
	Error  string `json:"error"`
	Hint   string `json:"hint,omitempty"`
	Status int    `json:"exit_status"`
}

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
	case is(context.Canceled):
		return exitcode.Interrupted
	case errors.As(err, &batch):
		return batch.status
	case errors.As(err, &usage), errors.As(err, &option):
		return exitcode.Usage
	case is(advparams.ErrTarget, advparams.ErrUnfinished):
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

// printError prints the explanation of an error, with the stack of a panic. With --json
// it is an object.
func (a *app) printError(err error, text, advice string) {
	var internal *internalError
	if errors.As(err, &internal) {
		fmt.Fprintf(a.stderr, "%s\n", internal.stack)
	}
	if a.log != nil {
		a.log.Error(printable.Line(text), "hint", printable.Line(advice), "exit_status", exitStatus(err))
		return
	}
	if a.json {
		object, _ := json.Marshal(failure{printable.Line(text), printable.Line(advice), exitStatus(err)}) // of strings that are UTF-8
		fmt.Fprintf(a.stderr, "%s\n", object)
		return
	}
	a.say(terminal.Red, "error", text)
	if advice != "" {
		a.say(terminal.Cyan, "hint", advice)
	}
}
