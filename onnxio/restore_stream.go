package onnxio

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/advparams/advparams/seal"
)

// otherFileError means that a file is not the locked one.
type otherFileError struct{ sum [32]byte }

func (e *otherFileError) Error() string { return ErrMismatch.Error() }

// Unwrap returns ErrMismatch.
func (e *otherFileError) Unwrap() error { return ErrMismatch }

// restoreStream writes to w the original of src, which has the size of the locked file, and
// compares what comes out of each stage with its digest. What it wrote is worth nothing if
// it fails, with an *otherFileError or errNotOriginal if digests differ.
//
// A keystream turns different files into different files. So if a first stage decrypts and
// its result is right, src was right as well. The digest of src is then computed only after
// a failure, to tell what is wrong.
func restoreStream(ctx context.Context, w io.Writer, src io.ReaderAt, want *FileRecord, stages []stage) error {
	if stages[0].key == nil { // which may leave out what it replaces
		stages = append([]stage{{want: Result{Size: want.LockedSize, SHA256: want.LockedSHA256}}}, stages...)
	}
	results, err := runChain(ctx, w, src, want.LockedSize, stages)
	if err == nil && !slices.ContainsFunc(stages, func(s stage) bool {
		result := results[0]
		results = results[1:]
		return result.SHA256 != s.want.SHA256 || result.Size != s.want.Size
	}) {
		return nil
	}
	if err != nil && !errors.Is(err, seal.ErrVarints) { // which means another file or key, too
		return err
	}
	sum, err := digest(src, want.LockedSize)
	switch {
	case err != nil:
		return err
	case sum != want.LockedSHA256:
		return &otherFileError{sum}
	}
	return errNotOriginal
}

// errOriginal says that a file is the original's already.
var errOriginal = errors.New("is the original already")
