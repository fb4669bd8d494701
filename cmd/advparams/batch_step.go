package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/internal/batchstep"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/internal/wire"
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
			return a.step(cmd.Context(), req).Write(a.stdout)
		},
	}
	nothing(cmd)
	return cmd
}

// step does what a request asks for.
func (a *app) step(ctx context.Context, req *wire.Request) *wire.Response {
	host := &batchstep.Host{Passphrase: a.passphrase, Created: now(), Notice: a.watch().notice}
	resp := &wire.Response{}
	err := recovered(func() (err error) {
		resp, err = host.Run(ctx, req)
		return err
	})
	if err != nil {
		resp.Error = a.failed(err, req.Names)
	}
	return resp
}

// failed logs an error and returns it as the batch gets it.
func (a *app) failed(err error, names wire.Names) *wire.Error {
	text, advice := explain(err)
	status := exitStatus(err)
	if status == exitcode.Interrupted {
		status = exitcode.Failed // of the model, which the next run tries again
	}
	if status == exitcode.Usage && advice == "" {
		advice = "docs/batch.md has the options of a manifest"
	}
	e := wire.NewError(status, printable.Line(names.In(text)), printable.Line(names.In(advice)))
	switch {
	case is[*internalError](err):
		e.Kind = wire.Panic
	case errors.Is(err, context.Canceled):
		e.Kind = wire.Interrupted
	}
	a.printError(err, e.Message, e.Advice)
	return e
}
