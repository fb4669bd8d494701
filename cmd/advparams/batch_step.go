package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/onnxio"
)

// newBatchStep does one step of a batch. The batch runs it as a child process, so
// that no model, however broken, is parsed in the process of the batch.
func newBatchStep(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:    wire.Command,
		Short:  "Do one step of a batch: a JSON request on standard input, a JSON response on standard output",
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := wire.ReadRequest(cmd.InOrStdin())
			if err != nil {
				return &usageError{err}
			}
			a.quiet = true // standard error is the log
			resp := &wire.Response{}
			if err := a.step(cmd.Context(), req, resp); err != nil {
				resp.Error = a.failed(err, req.Names)
			}
			return resp.Write(a.stdout)
		},
	}
	nothing(cmd)
	return cmd
}

// step does what a request asks for.
func (a *app) step(ctx context.Context, req *wire.Request, resp *wire.Response) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &internalError{p, debug.Stack()}
		}
	}()
	if req.Inputs != nil {
		return listInputs(req.Inputs, resp)
	}
	var out bytes.Buffer
	inner := &app{stdout: &out, stderr: a.stderr}
	args := (&wire.Request{Threads: req.Threads, Force: req.Force, Protect: req.Protect, Verify: req.Verify, Attack: req.Attack}).CommandLine()
	err = inner.execute(ctx, append(args, "--json", "--quiet"))
	if out.Len() == 0 {
		return err
	}
	var bad error
	switch req.Step() {
	case wire.StepProtect:
		bad = json.Unmarshal(out.Bytes(), &resp.Protect)
	case wire.StepVerify:
		bad = json.Unmarshal(out.Bytes(), &resp.Verify)
	case wire.StepAttack:
		bad = json.Unmarshal(out.Bytes(), &resp.Attack)
	}
	resp.Rename(req.Names)
	return cmp.Or(bad, err)
}

// listInputs finds the files that a model consists of.
func listInputs(in *wire.Inputs, resp *wire.Response) (err error) {
	if in.NamesOnly {
		resp.External, err = onnxio.ExternalNames(in.Model)
		return err
	}
	m, err := onnxio.Open(in.Model)
	if err != nil {
		return err
	}
	defer m.Close()
	for _, f := range m.Files() {
		s, err := batch.Stat(f.Path)
		if err != nil {
			return err
		}
		resp.Inputs = append(resp.Inputs, wire.File{Path: s.Path, Size: s.Size, Modified: s.Time, SHA256: s.SHA256})
	}
	return nil
}

// failed logs an error and returns it as the batch gets it.
func (a *app) failed(err error, names wire.Names) *wire.Error {
	text, advice := explain(err)
	e := &wire.Error{
		Kind: kindOf(err), Message: oneLine(names.In(text)), Advice: oneLine(names.In(advice)),
		Status: exitStatus(err),
	}
	e.Retryable = exitcode.Retryable(e.Status)
	a.printError(err, e.Message, e.Advice)
	return e
}

// kindOf returns what sort of failure an error is.
func kindOf(err error) wire.Kind {
	var internal *internalError
	switch {
	case errors.As(err, &internal):
		return wire.Panic
	case errors.Is(err, context.Canceled):
		return wire.Interrupted
	}
	return map[int]wire.Kind{
		exitcode.Failed: wire.Failed, exitcode.Usage: wire.Usage, exitcode.Target: wire.Target,
		exitcode.Key: wire.Key, exitcode.Unsupported: wire.Unsupported,
	}[exitStatus(err)]
}
