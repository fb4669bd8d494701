// Command capi is the C library: it opens locked models in memory for programs in other
// languages. advparams.h is its documentation, and docs/capi.md says how to build and use
// it. It is built with -buildmode=c-shared or c-archive, by `make capi`; as a command it does
// nothing. The functions of the header are in advparams.c. No other package of this module
// uses C.
//
// # Files
//
//	export.go  the boundary between C and Go: arguments, panics, memory
//	open.go    opening a model, in Go
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
)

func main() {} // is not called

// A request is advparams_options.
type request struct {
	lockedPath           *string
	locked               []byte // nil: lockedPath
	data                 map[string][]byte
	keyPath              *string
	key                  []byte
	identityPath         *string
	identity, passphrase *string
	maxWorkFactor        int
}

// status is advparams_status.
type status int

const (
	statusArgument status = iota + 1
	statusIO
	statusMissing
	statusWrongModel
	statusWrongIdentity
	statusTooMuchWork
	statusDamagedKey
	statusNewerKey
	statusWrongResult
	statusMemory
)

// An argumentError is a mistake in the options.
type argumentError string

func (e argumentError) Error() string { return string(e) }

// An identityError means that an identity cannot be read.
type identityError struct{ err error }

func (e *identityError) Error() string { return e.err.Error() }

func (e *identityError) Unwrap() error { return e.err }

// open opens a model.
func open(r request) (*onnxio.Opened, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	secrets, err := r.secrets()
	if err != nil {
		return nil, err
	}
	data, name := r.key, "key"
	if r.keyPath != nil {
		name = *r.keyPath
		if data, err = readKey(name); err != nil {
			return nil, err
		}
		defer clear(data)
	}
	k, err := secrets.Open(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer k.Wipe()
	locked := onnxio.LockedBytes(r.locked, r.data)
	if r.lockedPath != nil {
		locked = onnxio.LockedAt(*r.lockedPath)
	}
	return onnxio.RestoreInMemory(context.Background(), locked, &k.Record, nil)
}

func (r *request) check() error {
	count := func(given ...bool) (n int) {
		for _, is := range given {
			if is {
				n++
			}
		}
		return n
	}
	switch {
	case count(r.lockedPath != nil, r.locked != nil) != 1:
		return argumentError("give one of locked_path and locked")
	case r.lockedPath != nil && len(r.data) > 0:
		return argumentError("data_files are for a locked model in memory; those of a path lie beside it")
	case count(r.keyPath != nil, r.key != nil) != 1:
		return argumentError("give one of key_path and key")
	case count(r.identityPath != nil, r.identity != nil, r.passphrase != nil) > 1:
		return argumentError("give at most one of identity_path, identity and passphrase")
	case r.maxWorkFactor < 0 || r.maxWorkFactor > 30:
		return argumentError(fmt.Sprintf("max_work_factor %d is not between 1 and 30", r.maxWorkFactor))
	}
	return nil
}

// secrets returns what opens the key.
func (r *request) secrets() (*key.Secrets, error) {
	s := &key.Secrets{MaxWorkFactor: r.maxWorkFactor}
	var err error
	switch {
	case r.passphrase != nil:
		s.Passphrase = func() (string, error) { return *r.passphrase, nil }
		if *r.passphrase == "" {
			return nil, &identityError{errors.New("the passphrase is empty")}
		}
	case r.identityPath != nil:
		s.Identities, err = key.ParseIdentityFile(*r.identityPath)
	case r.identity != nil:
		s.Identities, err = key.ParseIdentities(strings.NewReader(*r.identity))
	}
	var parse *key.ParseError
	if errors.As(err, &parse) {
		err = &identityError{err}
	}
	return s, err
}

// readKey reads a key file. What is larger than any key is not read to its end.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF || err == nil && !key.IsSecret(head) {
		return head[:n], nil
	}
	if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, 2*key.MaxSize))
	return append(head, rest...), err
}

// statusOf returns the status of an error.
func statusOf(err error) status {
	argument, work, identity := argumentError(""), (*key.WorkFactorError)(nil), (*identityError)(nil)
	version, cipher, unknown := (*key.VersionError)(nil), (*key.CipherError)(nil), (*key.UnknownError)(nil)
	malformed, format := (*onnxio.MalformedError)(nil), (*onnxio.FormatError)(nil) // of what came out
	switch {
	case errors.As(err, &argument):
		return statusArgument
	case errors.As(err, &work):
		return statusTooMuchWork
	case errors.Is(err, key.ErrIdentity), errors.As(err, &identity):
		return statusWrongIdentity
	case errors.As(err, &version), errors.As(err, &cipher), errors.As(err, &unknown):
		return statusNewerKey
	case errors.Is(err, key.ErrDamaged):
		return statusDamagedKey
	case errors.Is(err, onnxio.ErrMismatch):
		return statusWrongModel
	case errors.Is(err, fs.ErrNotExist):
		return statusMissing
	case errors.Is(err, onnxio.ErrRecord), errors.As(err, &malformed), errors.As(err, &format):
		return statusWrongResult
	case errors.Is(err, syscall.ENOMEM):
		return statusMemory
	}
	return statusIO
}

// describe returns what is wrong and what to do about it, in one line.
func describe(err error) string {
	text := err.Error()
	if advice := hint.Of(err); advice != "" {
		text += " (" + advice + ")"
	}
	return strings.NewReplacer("\n", "; ", "\x00", "").Replace(text)
}
