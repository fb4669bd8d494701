// Package wire is the protocol between a batch and its child processes.
//
// A batch runs each step of its work in a process of its own, so that a crash
// costs one model only. The parent starts the program with the argument
// [Command] and writes one [Request], as JSON, to the child's standard input. The
// child does the step, writes one [Response] to its standard output and ends with
// exit status 0, whether or not the step succeeded. A child that ends in any
// other way has crashed or was killed. Its standard error is the log.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
)

// Version is the version of the protocol. Parent and child are the same program
// unless somebody replaces the file during a run.
const Version = 1

// Command is the subcommand that reads a request and writes the response.
const Command = "batch-step"

// MaxResponse is the largest response in bytes.
const MaxResponse = 64 << 20

// Steps of a batch.
const (
	StepInputs  = "inputs"  // list the files of a model
	StepProtect = "protect" // lock a model and write its key
	StepVerify  = "verify"  // measure the original and the locked model
	StepAttack  = "attack"  // measure what attackers regain
)

// Request asks a child for one step: exactly one of Inputs, Protect, Verify and
// Attack is set. In all of them, zero values stand for the defaults of the
// command line.
type Request struct {
	Version int `json:"version"`
	// Threads is the number of cores to compute on; 0: all.
	Threads int `json:"threads,omitempty"`
	// Memory is how many bytes the values of a batch may take; 0: in proportion to model
	// and data.
	Memory int64 `json:"memory,omitempty"`
	// Force replaces outputs that exist.
	Force bool `json:"force,omitempty"`
	// Names are the names under which people know staged files.
	Names Names `json:"names,omitempty"`

	Inputs  *Inputs  `json:"inputs,omitempty"`
	Protect *Protect `json:"protect,omitempty"`
	Verify  *Verify  `json:"verify,omitempty"`
	Attack  *Attack  `json:"attack,omitempty"`
}

// Step returns the step that is asked for, or "" if that is not clear.
func (r *Request) Step() string {
	step, n := "", 0
	for _, one := range []struct {
		name string
		set  bool
	}{
		{StepInputs, r.Inputs != nil}, {StepProtect, r.Protect != nil},
		{StepVerify, r.Verify != nil}, {StepAttack, r.Attack != nil},
	} {
		if one.set {
			step, n = one.name, n+1
		}
	}
	if n != 1 {
		return ""
	}
	return step
}

// ReadRequest reads a request and checks that this program understands it.
func ReadRequest(r io.Reader) (*Request, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	req := &Request{}
	if err := dec.Decode(req); err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if req.Version != Version {
		return nil, fmt.Errorf("the request has version %d of the protocol, this program speaks %d", req.Version, Version)
	}
	if req.Step() == "" {
		return nil, errors.New("the request asks for no step, or for several")
	}
	return req, nil
}

// Encode returns the request as the child reads it.
func (r *Request) Encode() ([]byte, error) {
	r.Version = Version
	return json.Marshal(r)
}

// Response is what came of a step. A step that fails may have results all the
// same: a lock that missed its target but was to be written, or measurements of
// a model that the key does not fit.
type Response struct {
	Version int `json:"version"`

	Inputs   []File                  `json:"inputs,omitempty"`
	External []string                `json:"external,omitempty"`
	Protect  *advparams.Protection   `json:"protect,omitempty"`
	Verify   *advparams.Verification `json:"verify,omitempty"`
	Attack   *advparams.AttackReport `json:"attack,omitempty"`

	Error *Error `json:"error,omitempty"`
}

// Rename puts the names that people know in the place of paths of staged files.
func (r *Response) Rename(names Names) {
	if p := r.Protect; p != nil {
		p.Model, p.Locked, p.Key = names.Of(p.Model), names.Of(p.Locked), names.Of(p.Key)
	}
	if v := r.Verify; v != nil {
		v.Page = names.Of(v.Page)
	}
}

// ParseResponse reads what a child wrote to its standard output.
func ParseResponse(text []byte) (*Response, error) {
	r := &Response{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("the step ended without a response: %w", err)
	}
	if r.Version != Version {
		return nil, fmt.Errorf("the response has version %d of the protocol, this program speaks %d", r.Version, Version)
	}
	if e := r.Error; e != nil && (e.Status <= exitcode.Done || e.Status > exitcode.Last) {
		return nil, fmt.Errorf("the response has an error with status %d: %s", e.Status, e.Message)
	}
	return r, nil
}

// Write writes the response to the child's standard output.
func (r *Response) Write(w io.Writer) error {
	r.Version = Version
	return json.NewEncoder(w).Encode(r)
}

// Kind says what sort of failure an error is.
type Kind string

// Kinds of errors.
const (
	Failed      Kind = "failed" // I/O errors, bad files and all else
	Usage       Kind = "usage"  // options that do not go together or do not fit the model
	Target      Kind = "target" // the target was not reached
	Key         Kind = "key"    // the key cannot be opened or does not fit
	Unsupported Kind = "unsupported"
	Interrupted Kind = "interrupted" // the child was told to stop
	Panic       Kind = "panic"       // a mistake in the program
)

// Error is why a step failed. Its texts have one line each and name staged files
// as people know them.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	// Advice is what can be done about it; it may be empty.
	Advice string `json:"hint,omitempty"`
	// Status is the exit status of the command that does the same.
	Status    int  `json:"status"`
	Retryable bool `json:"retryable,omitempty"`
}

// NewError returns an error with the kind that goes with an exit status.
func NewError(status int, message, advice string) *Error {
	return &Error{
		Kind: map[int]Kind{
			exitcode.Failed: Failed, exitcode.Usage: Usage, exitcode.Target: Target,
			exitcode.Key: Key, exitcode.Unsupported: Unsupported,
		}[status],
		Message: message, Advice: advice, Status: status, Retryable: exitcode.Retryable(status),
	}
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Hint returns what can be done about the error, or "".
func (e *Error) Hint() string { return e.Advice }
