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
)

// TestStepErrors follows errors into responses: what sort they are, whether to try
// again, and how they name staged files.
func TestStepErrors(t *testing.T) {
	at := filepath.Join(string(filepath.Separator)+"stage", "1")
	names := wire.Names{{Path: at, Name: "s3://zoo"}}
	for _, c := range []struct {
		err       error
		kind      wire.Kind
		status    int
		retryable bool
		message   string
	}{
		{errors.New("disk full"), wire.Failed, exitcode.Failed, true, "disk full"},
		{fmt.Errorf("%s: no\nmodel", filepath.Join(at, "a.onnx")), wire.Failed, exitcode.Failed, true, "s3://zoo/a.onnx: no; model"},
		{&advparams.OptionError{Option: "data.limit", Value: -1, Reason: "is negative"}, wire.Usage, exitcode.Usage, false, "data.limit -1 is negative"},
		{fmt.Errorf("search: %w", advparams.ErrTarget), wire.Target, exitcode.Target, false, ""},
		{advparams.ErrIdentity, wire.Key, exitcode.Key, false, ""},
		{advparams.ErrUnsupported, wire.Unsupported, exitcode.Unsupported, false, ""},
		{context.Canceled, wire.Interrupted, exitcode.Failed, true, "interrupted"},
		{&internalError{value: "oops", stack: []byte("goroutine 1")}, wire.Panic, exitcode.Failed, true, "internal error: oops"},
	} {
		var log bytes.Buffer
		e := (&app{stderr: &log}).failed(c.err, names)
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
	var log bytes.Buffer
	resp := (&app{stderr: &log}).step(t.Context(), &wire.Request{}) // asks for nothing
	if e := resp.Error; e == nil || e.Kind != wire.Panic || !strings.Contains(log.String(), "goroutine") {
		t.Errorf("response %+v, log %s", resp, &log)
	}
}
