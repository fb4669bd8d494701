package advparams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/onnxio"
)

// UnlockOptions are the options of Unlock. Required are Locked, Key, and one of Out,
// OutTo and InPlace.
type UnlockOptions struct {
	Locked string // the file of the locked model
	Key    KeyFile
	// Out is the file to write the original to. OutTo gets it instead; the model must
	// then not have external data. InPlace replaces the locked model.
	Out     string
	OutTo   io.Writer
	InPlace bool
	// Force replaces a file that exists at Out, unless it is a key or an identity.
	Force bool

	Progress func(Progress) // may be nil
}

// Unlocked is what Unlock wrote. In JSON it is what advparams unlock --json prints.
type Unlocked struct {
	Model  string       `json:"model"`
	SHA256 string       `json:"sha256"` // of the model file, in hexadecimal
	Files  []FileDigest `json:"files"`  // the model file first
	// Already reports whether the locked model was the original already.
	Already bool `json:"-"`
	// Unused are data files of the locked model that the original does not use. They
	// are still there after unlocking in place.
	Unused []string `json:"-"`
}

// FileDigest is a file with its size and SHA-256.
type FileDigest struct {
	Name   string `json:"name"`
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

// Unlock turns a locked model back into the original, bit for bit, external data
// included. It compares the locked files with the digests in the key before it writes
// anything, and the result with the digests of the original before the result
// appears. If a file differs, the error wraps ErrMismatch.
//
// With InPlace, files of the profile Sealed are decrypted where they are, part by part. A
// journal beside the model, MODEL.advparams-journal, lets the next Unlock or Protect of the
// same model go on if that is interrupted. Other files are replaced as a whole.
//
// Files that are the original's already are taken as they are, so that an Unlock in
// place that was interrupted can be repeated. A key from a stranger writes no file
// but Out and the data files that the original refers to, beside it; these replace
// nothing but files of the locked model. The permission bits of what is written are
// those of the locked files. With OutTo the original touches no disk.
func Unlock(ctx context.Context, opt UnlockOptions) (u *Unlocked, err error) {
	defer onnxio.Faults(&err)()
	u, err = unlock(ctx, &opt)
	return u, interrupted(ctx, err)
}

func unlock(ctx context.Context, opt *UnlockOptions) (*Unlocked, error) {
	target, force, ways := opt.Out, opt.Force, 0
	for _, is := range []bool{opt.Out != "", opt.OutTo != nil, opt.InPlace} {
		if is {
			ways++
		}
	}
	switch {
	case opt.Locked == "":
		return nil, optionf("Locked", "there is no locked model")
	case !opt.Key.given():
		return nil, optionf("Key", "there is no key")
	case ways != 1:
		return nil, optionf("Out", "give one of Out, OutTo and InPlace")
	case opt.InPlace:
		target, force = opt.Locked, true
	}
	if err := finishInterrupted(ctx, opt.Locked); err != nil {
		return nil, err
	}
	if opt.OutTo == nil {
		if err := probe(ofModel, force, target); err != nil {
			return nil, err
		}
	}
	k, err := opt.Key.load()
	if err != nil {
		return nil, err
	}
	files := k.Record.Files
	if opt.OutTo != nil && len(files) > 1 {
		return nil, optionf("Out", "this model has %d files, which cannot go to one stream together", len(files))
	}
	already, err := opt.restore(ctx, &k.Record, target, force)
	if err != nil {
		return nil, err
	}
	u := &Unlocked{Already: already, Model: target, SHA256: fmt.Sprintf("%x", files[0].SHA256)}
	for i, f := range files {
		name := f.Name
		if i == 0 {
			name = target
		}
		u.Files = append(u.Files, FileDigest{name, f.Size, fmt.Sprintf("%x", f.SHA256)})
		used := slices.ContainsFunc(files, func(o onnxio.FileRecord) bool { return o.Name == f.LockedName })
		if opt.InPlace && i > 0 && !used {
			u.Unused = append(u.Unused, f.LockedName)
		}
	}
	return u, nil
}

// restore writes the original, and reports whether the locked model was it already.
func (o *UnlockOptions) restore(ctx context.Context, record *onnxio.Record, target string, force bool) (already bool, err error) {
	see := feedback.Observer{Progress: o.Progress}
	if o.OutTo != nil {
		if err := onnxio.RestoreTo(ctx, writerUntil(ctx, o.OutTo), o.Locked, record, see.Bytes("unlocking", lockedBytes(record)+workBytes(record))); err != nil {
			return false, err
		}
		return false, flush(o.OutTo)
	}
	if o.InPlace {
		done, err := unlockInPlace(ctx, o.Locked, record, see)
		if done || err != nil && !errors.Is(err, ErrMismatch) {
			return false, err
		} // else some files may be the original's already
	}
	out := newOutputs(ctx, ofModel, force)
	defer out.close()
	if already, err = onnxio.Resume(ctx, o.Locked, record, &out.files, target, see.Bytes("unlocking", workBytes(record))); err != nil {
		return false, err
	}
	return already, out.commit(ctx)
}

// writerFunc is a function that is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// writerUntil writes to w until ctx ends.
func writerUntil(ctx context.Context, w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return w.Write(p)
	})
}

// unlocked is an original that exists in a scratch folder for as long as it is
// measured.
type unlocked struct {
	path    string
	scratch *scratch
}

// unlockTemporarily restores the original of a locked model. The result has to be
// removed, if it is not nil.
func unlockTemporarily(ctx context.Context, locked string, record *onnxio.Record) (*unlocked, error) {
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	u := &unlocked{scratch.path("unlocked.onnx"), scratch}
	out := newOutputs(ctx, ofModel, false)
	defer out.close()
	err = onnxio.Restore(ctx, locked, record, &out.files, u.path, nil)
	if err == nil {
		err = out.commit(ctx)
	}
	if err != nil {
		u.remove()
		return nil, err
	}
	return u, nil
}

func (u *unlocked) remove() {
	if u != nil {
		u.scratch.remove()
	}
}
