package advparams

import (
	"context"
	"io/fs"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/onnxio"
)

// OpenOptions are the options of Open. Required are Locked and Key.
type OpenOptions struct {
	// Locked is the file of the locked model. With FS, it is its name there.
	Locked string
	// FS, if it is not nil, has the locked model and its data files, which must have a
	// method ReadAt. Package embed and os.DirFS give such ones.
	FS  fs.FS
	Key KeyFile

	Progress func(Progress) // may be nil
}

// Opened is the original of a locked model, in memory. OpenedFile is one of its files, and
// an io.ReaderAt.
type (
	Opened     = onnxio.Opened
	OpenedFile = onnxio.OpenedFile
)

// Open makes the original of a locked model in memory: the model and its external data, as
// a runtime takes them. No file is written. The result is compared with the digests of the
// original before Open returns; if the locked model is not the one that the key is for, the
// error wraps ErrMismatch. Sealed tensors are decrypted on all processors while the file is
// read.
//
// # Secrets
//
// The original lies in memory outside of the garbage collector's, which Close overwrites
// and gives back. Linux leaves it out of core dumps. Seeds and old values of the key are
// overwritten before Open returns, and so are the buffers that weights passed through. What
// cannot be overwritten, because other packages hold it: the round keys of AES, what HKDF
// and the age library computed, and the identities that the caller gave. This
// memory can be swapped out, and root and debuggers can read it (docs/deploy.md).
func Open(ctx context.Context, opt OpenOptions) (_ *Opened, err error) {
	defer onnxio.Faults(&err)()
	switch {
	case opt.Locked == "":
		return nil, optionf("Locked", "there is no locked model")
	case !opt.Key.given():
		return nil, optionf("Key", "there is no key")
	}
	k, err := opt.Key.load()
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	locked := onnxio.LockedAt(opt.Locked)
	if opt.FS != nil {
		locked = onnxio.LockedIn(opt.FS, opt.Locked)
	}
	see := feedback.Observer{Progress: opt.Progress}
	var size int64
	for _, f := range k.Record.Files {
		size += f.Size
	}
	o, err := onnxio.RestoreInMemory(ctx, locked, &k.Record, see.Bytes("unlocking", size))
	return o, interrupted(ctx, err)
}
