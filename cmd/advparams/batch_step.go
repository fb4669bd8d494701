package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
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
				resp.Error = a.failed(err, req)
			}
			resp.Rename(req.Names)
			return resp.Write(a.stdout)
		},
	}
	nothing(cmd)
	return cmd
}

// step does what a request asks for. It may have findings and an error.
func (a *app) step(ctx context.Context, req *wire.Request, resp *wire.Response) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &internalError{p, debug.Stack()}
		}
	}()
	show := a.watch()
	defer show.close()
	switch req.Step() {
	case wire.StepProtect:
		opt, err := a.protectOptions(req)
		if err != nil {
			return err
		}
		opt.Notice = show.notice
		resp.Protect, err = advparams.Protect(ctx, opt)
		return err
	case wire.StepVerify:
		opt, err := a.verifyOptions(req)
		if err != nil {
			return err
		}
		opt.Notice = show.notice
		resp.Verify, err = advparams.Verify(ctx, opt)
		return err
	case wire.StepAttack:
		opt, err := a.attackOptions(req)
		if err != nil {
			return err
		}
		opt.Notice = show.notice
		resp.Attack, err = advparams.Attack(ctx, opt)
		return err
	}
	return listInputs(req.Inputs, resp)
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
func (a *app) failed(err error, req *wire.Request) *wire.Error {
	err = inManifest(err, req.Step())
	text, advice := explain(err)
	status := exitStatus(err)
	if status == exitcode.Usage && advice == "" {
		advice = "docs/batch.md has the options of a manifest"
	}
	e := &wire.Error{
		Kind: kindOf(err), Message: oneLine(req.Names.In(text)), Advice: oneLine(req.Names.In(advice)), Status: status,
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
