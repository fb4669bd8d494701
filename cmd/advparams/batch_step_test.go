package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/perturb"
)

func TestManifestOptions(t *testing.T) {
	for _, c := range []struct{ step, option, want string }{
		{wire.StepProtect, "Include", "include"},
		{wire.StepProtect, "MaxParams", "max_params"},
		{wire.StepProtect, "Target", "target_accuracy"},
		{wire.StepProtect, "Data.Limit", "data.limit"},
		{wire.StepProtect, "Output", "data.output"},
		{wire.StepVerify, "Data.Limit", "verify.data.limit"},
		{wire.StepAttack, "TimeLimit", "attack.time_limit"},
		{wire.StepAttack, "Test", "attack.test"},
	} {
		if got := manifestOption(c.step, c.option); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.step, c.option, got, c.want)
		}
	}
}

// TestStepErrors follows errors into responses: what sort they are, whether to try
// again, and how they name staged files.
func TestStepErrors(t *testing.T) {
	at := filepath.Join(string(filepath.Separator)+"stage", "1")
	req := &wire.Request{Protect: &wire.Protect{}, Names: wire.Names{{Path: at, Name: "s3://zoo"}}}
	for _, c := range []struct {
		err       error
		kind      wire.Kind
		status    int
		retryable bool
		message   string
	}{
		{errors.New("disk full"), wire.Failed, exitcode.Failed, true, "disk full"},
		{fmt.Errorf("%s: no\nmodel", filepath.Join(at, "a.onnx")), wire.Failed, exitcode.Failed, true, "s3://zoo/a.onnx: no; model"},
		{&advparams.OptionError{Option: "Data.Limit", Value: -1, Reason: "is negative"}, wire.Usage, exitcode.Usage, false, "data.limit -1 is negative"},
		{fmt.Errorf("search: %w", perturb.ErrTarget), wire.Target, exitcode.Target, false, ""},
		{key.ErrIdentity, wire.Key, exitcode.Key, false, ""},
		{advparams.ErrUnsupported, wire.Unsupported, exitcode.Unsupported, false, ""},
		{context.Canceled, wire.Interrupted, exitcode.Failed, true, "interrupted"},
		{&internalError{value: "oops", stack: []byte("goroutine 1")}, wire.Panic, exitcode.Failed, true, "internal error: oops"},
	} {
		var log bytes.Buffer
		e := (&app{stderr: &log}).failed(c.err, req)
		if e.Kind != c.kind || e.Status != c.status || e.Retryable != c.retryable || c.message != "" && filepath.ToSlash(e.Message) != c.message {
			t.Errorf("%v: %+v", c.err, e)
		}
		if !strings.Contains(log.String(), "advparams: error: "+e.Message+"\n") {
			t.Errorf("%v: the log has %q", c.err, &log)
		}
	}
}

// TestStepPanics: a panic is an error of the step, not the end of the process.
func TestStepPanics(t *testing.T) {
	a := &app{stderr: &bytes.Buffer{}}
	err := a.step(t.Context(), &wire.Request{}, &wire.Response{}) // asks for nothing
	var internal *internalError
	if !errors.As(err, &internal) || len(internal.stack) == 0 {
		t.Errorf("error %v", err)
	}
}
