// Package batchstep does one step of a batch in a child process: it translates a
// request of package wire into options of package advparams, calls the function that
// does the step, and returns the response.
//
//	batchstep.go  runs a step, lists the files of a model
//	options.go    requests as options
//	manifest.go   errors in options, in terms of the manifest
package batchstep

import (
	"context"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/onnxio"
)

// Host is the program in which steps run.
type Host struct {
	// Passphrase returns the passphrase of a key that is new, or of one that exists.
	Passphrase func(isNew bool) (string, error)
	Created    time.Time // the time in new keys
	Notice     func(advparams.Notice)
}

// Run does the step that a request asks for. The response may have findings also if
// there is an error. Paths of staged files in it have the names that people know. An
// error in options is worded in terms of the manifest; other errors are those of package
// advparams.
func (h *Host) Run(ctx context.Context, req *wire.Request) (*wire.Response, error) {
	resp := &wire.Response{}
	err := h.do(ctx, req, resp)
	resp.Rename(req.Names)
	return resp, inManifest(err, req.Step())
}

func (h *Host) do(ctx context.Context, req *wire.Request, resp *wire.Response) error {
	switch req.Step() {
	case wire.StepProtect:
		opt, err := h.protectOptions(req)
		if err != nil {
			return err
		}
		resp.Protect, err = advparams.Protect(ctx, opt)
		return err
	case wire.StepVerify:
		opt, err := h.verifyOptions(req)
		if err != nil {
			return err
		}
		if resp.Verify, err = advparams.Verify(ctx, opt); resp.Verify != nil {
			resp.Verify.Evidence = nil // which the report has: records of many models stay small
		}
		return err
	case wire.StepAttack:
		opt, err := h.attackOptions(req)
		if err != nil {
			return err
		}
		if resp.Attack, err = advparams.Attack(ctx, opt); resp.Attack != nil {
			resp.Attack.Evidence = nil
		}
		return err
	}
	return listFiles(req.Inputs, resp)
}

// listFiles finds the files that a model consists of.
func listFiles(in *wire.Inputs, resp *wire.Response) (err error) {
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
