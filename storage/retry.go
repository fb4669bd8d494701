package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/advparams/advparams/batch/objects"
)

// Patience says how long to go on with an operation that fails.
type Patience struct {
	Tries int           // in a row without progress; 0: 8
	Pause time.Duration // after the first; it doubles up to a hundred times that; 0: 200 ms
	Stall time.Duration // without a byte, after which a try is given up; 0: 1 min
}

func (p Patience) filled() Patience {
	if p.Tries == 0 {
		p.Tries = 8
	}
	if p.Pause == 0 {
		p.Pause = 200 * time.Millisecond
	}
	if p.Stall == 0 {
		p.Stall = time.Minute
	}
	return p
}

// errStalled is the cause of a try that was given up.
var errStalled = errors.New("nothing came or went for too long")

// retry runs f until it succeeds, fails in a way that stays, or has failed too
// often in a row without getting further.
func (p Patience) retry(ctx context.Context, f func(context.Context, *pulse) error) error {
	p = p.filled()
	for try := 1; ; try++ {
		moved, err := p.once(ctx, f)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !transient(err):
			return err
		case try >= p.Tries:
			return fmt.Errorf("%w (after %d tries)", err, try)
		}
		if moved {
			try = 1
		}
		// Up to twice the pause, so that those who failed together do not come back together.
		pause := min(p.Pause<<min(try-1, 10), 100*p.Pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause + rand.N(pause)):
		}
	}
}

// once runs f, and reports whether it got further.
func (p Patience) once(ctx context.Context, f func(context.Context, *pulse) error) (bool, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx = onceAzure(ctx)
	beat := &pulse{limit: p.Stall, timer: time.AfterFunc(p.Stall, func() { cancel(errStalled) })}
	defer beat.timer.Stop()
	err := f(ctx, beat)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		err = errStalled
	}
	return beat.moved, brief(err)
}

// pulse keeps a try alive while something moves.
type pulse struct {
	limit time.Duration
	timer *time.Timer
	moved bool // further, so that the next try has less to do
}

func (p *pulse) beat() { p.timer.Reset(p.limit) }

// reader returns r, whose bytes are signs of life.
func (p *pulse) reader(r io.Reader) io.Reader { return &pulseReader{r, p} }

type pulseReader struct {
	io.Reader
	pulse *pulse
}

func (r *pulseReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n > 0 {
		r.pulse.beat()
	}
	return n, err
}

// finalError is an error that does not go away.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

func final(err error) error { return &finalError{err} }

// transient reports whether an error may go away.
func transient(err error) bool {
	if _, ok := errors.AsType[*finalError](err); ok {
		return false
	}
	switch code(err) {
	case gcerrors.NotFound, gcerrors.AlreadyExists, gcerrors.InvalidArgument, gcerrors.Unimplemented,
		gcerrors.FailedPrecondition, gcerrors.PermissionDenied:
		return false
	}
	return true
}

// code classifies an error, by its status where the Go CDK has it wrong or does
// not know. What is taken for NotFound must be so: whoever deletes an object
// then thinks that it is gone, and whoever reads a lock that its owner is.
func code(err error) gcerrors.ErrorCode {
	c, status := gcerrors.Code(err), status(err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden: // NotFound, with GCS
		return gcerrors.PermissionDenied
	case unresolved: // NotFound, with Azure
		return gcerrors.Unknown
	case c != gcerrors.Unknown:
		return c
	case overtaken(err):
		return c
	}
	switch status {
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusConflict:
		return c
	default:
		if status >= 400 && status < 500 {
			return gcerrors.InvalidArgument
		}
	}
	return c
}

// status returns that of the answer that a cloud's client made an error of, or 0.
func status(err error) int {
	if e, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); ok { // AWS
		return e.HTTPStatusCode()
	}
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		return e.Code
	}
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return e.StatusCode
	}
	return 0
}

// explain says what an operation was about, and what to do.
func explain(verb, url string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch c := code(err); {
	case errors.Is(err, objects.ErrExists):
		return fmt.Errorf("%s %w", url, objects.ErrExists)
	case c == gcerrors.NotFound:
		return &OperationError{verb, url, fs.ErrNotExist, "check the URL"}
	case c == gcerrors.PermissionDenied:
		return &OperationError{verb, url, err, "check the credentials in the environment, and what they allow"}
	}
	return fmt.Errorf("cannot %s %s: %w", verb, url, err)
}
