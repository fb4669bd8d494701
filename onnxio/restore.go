package onnxio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// Restore writes to dst the original of the model file locked, which Rewrite
// wrote, and beside it the original's external data under its original names.
// Data that is there already is left alone.
//
// The files must be exactly those that Rewrite wrote (ErrMismatch), and the result is
// exactly the original; both are checked before Restore returns, while nothing is
// committed. Restore does not know
// what the files hold: the work is a copy in which bytes are put back or decrypted, by
// several goroutines, in the same memory whatever the size of the files.
//
// A record may come from a stranger. Only dst and the data files that the
// original model refers to are written, below the folder of dst and through no
// symbolic link; no file is replaced but dst, if out allows it, and the files of
// the locked model if dst is locked. Permission bits are those of the locked files.
//
// done, if it is not nil, is told how many bytes have been read, from any goroutine. A file
// that is decrypted to another place is read once. Any other file is read twice: to compare
// its digest, and to copy it.
func Restore(ctx context.Context, locked string, rec *Record, out *atomicfile.Set, dst string, done func(n int64)) error {
	return (&restorer{ctx: ctx, locked: locked, dst: dst, rec: rec, out: out, done: done}).run()
}

// Resume is Restore after another one, in place, that may have been interrupted:
// files that are the original's already are taken as they are. It reports whether
// all of them are; if dst is locked, it then writes nothing.
func Resume(ctx context.Context, locked string, rec *Record, out *atomicfile.Set, dst string, done func(n int64)) (already bool, err error) {
	r := &restorer{ctx: ctx, locked: locked, dst: dst, rec: rec, out: out, done: done, resume: true}
	err = r.run()
	return !slices.Contains(r.original, false), err
}

func (r *restorer) run() error {
	if err := r.plan(); err != nil {
		return err
	}
	if err := r.rec.checkDataNames(); err != nil {
		return err
	}
	if r.inPlace = samePath(r.dst, r.locked); r.inPlace {
		if err := checkLinks(r.locked, false); err != nil {
			return err
		}
	}
	r.original = make([]bool, len(r.rec.Files))
	if err := r.each(r.checkLocked); err != nil {
		return err
	}
	for i := range r.rec.Files {
		write, err := r.needed(i)
		if err == nil && write {
			err = r.write(i)
		}
		if err == nil && i == 0 {
			err = r.checkNames(write)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// RestoreTo writes the original of a locked model to w. Nothing touches a disk.
// The model must have no external data. The result is checked before the first
// byte is written. done is told of all bytes once more than by Restore.
func RestoreTo(ctx context.Context, w io.Writer, locked string, rec *Record, done func(n int64)) error {
	r := &restorer{ctx: ctx, locked: locked, rec: rec, original: make([]bool, 1), done: done}
	if err := r.plan(); err != nil {
		return err
	}
	if n := len(rec.Files); n > 1 {
		return fmt.Errorf("%s has %d files, which do not fit into one stream", locked, n)
	}
	if err := r.checkLocked(0); err != nil {
		return err
	}
	src, err := r.open(0)
	if err != nil {
		return err
	}
	defer src.Close()
	for _, to := range []io.Writer{io.Discard, w} {
		if err := r.back(0, to, src); err != nil {
			return fmt.Errorf("restoring %s: %w", locked, err)
		}
	}
	return nil
}

type restorer struct {
	ctx         context.Context
	locked, dst string
	rec         *Record
	out         *atomicfile.Set
	done        func(n int64)
	resume      bool // accept files that are original already
	inPlace     bool
	stages      [][]stage
	original    []bool // files of the locked model that are the original's already
	model       string // where the original model lies until it has its name
}

// plan makes out what is to be done to each file, once the record is known to be sound.
func (r *restorer) plan() error {
	if err := r.rec.Validate(); err != nil {
		return err
	}
	r.stages = r.rec.stages()
	return nil
}

// checkNames makes sure that the original refers to every data file of the record:
// no other is written.
func (r *restorer) checkNames(written bool) error {
	if len(r.rec.Files) == 1 {
		return nil
	}
	model, from := r.locked, r.locked
	if written {
		model, from = r.dst, r.model
	}
	names, err := externalNames(model, from)
	if err != nil {
		return fmt.Errorf("restoring %w", err)
	}
	for _, f := range r.rec.Files[1:] {
		if !slices.Contains(names, path.Clean(f.Name)) {
			return fmt.Errorf("%w: the original does not refer to its file %q", ErrRecord, f.Name)
		}
	}
	return nil
}

// each calls f for all files, in parallel.
func (r *restorer) each(f func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range r.rec.Files {
		g.Go(func() error { return f(i) })
	}
	return g.Wait()
}

// open opens file i of the locked model.
func (r *restorer) open(i int) (*os.File, error) {
	if i == 0 {
		f, _, err := openRegular(r.locked)
		return f, err
	}
	root, err := os.OpenRoot(filepath.Dir(r.locked))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return openConfined(root, r.rec.Files[i].LockedName)
}

// checkLocked compares file i of the locked model with its digest.
func (r *restorer) checkLocked(i int) error {
	if r.resume && i > 0 {
		there, err := r.there(i)
		if r.original[i] = there; there || err != nil {
			return err
		}
	}
	f, err := r.open(i)
	if err != nil {
		return err
	}
	defer f.Close()
	want := &r.rec.Files[i]
	if later, err := r.checkedLater(i, f); later || err != nil {
		return err
	}
	same, err := matches(f, want.LockedSize, want.LockedSHA256)
	r.went(want.LockedSize)
	if err == nil && !same && r.resume {
		same, err = matches(f, want.Size, want.SHA256)
		r.original[i] = same
	}
	if err == nil && !same {
		err = ErrMismatch
	}
	if err != nil {
		return fmt.Errorf("%s %w", f.Name(), err)
	}
	return nil
}

// checkedLater reports whether back will compare file i with its digest, while it reads it
// anyway.
func (r *restorer) checkedLater(i int, f *os.File) (bool, error) {
	info, err := f.Stat()
	return err == nil && !r.inPlace && !plain(r.stages[i]) && info.Size() == r.rec.Files[i].LockedSize, err
}

// matches reports whether a file has this size and digest.
func matches(f *os.File, size int64, sum [32]byte) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() != size {
		return false, err
	}
	have, err := digest(f, size)
	return have == sum, err
}

// target returns where the original of file i goes.
func (r *restorer) target(i int) string {
	if i == 0 {
		return r.dst
	}
	return filepath.Join(filepath.Dir(r.dst), filepath.FromSlash(r.rec.Files[i].Name))
}

// needed reports whether the original of file i has to be written. It refuses to
// replace what is not a file of the locked model.
func (r *restorer) needed(i int) (bool, error) {
	if i > 0 {
		if there, err := r.there(i); there || err != nil {
			return !there, err
		}
	}
	if r.inPlace && r.original[i] && i == 0 {
		return false, nil
	}
	target := r.target(i)
	if k := r.lockedAt(target); k >= 0 {
		if !r.inPlace {
			return false, &OverwriteError{target, r.locked}
		}
		return true, nil
	}
	if _, err := os.Lstat(target); i > 0 && err == nil {
		return false, &atomicfile.ExistsError{Path: target, Secret: true}
	}
	return true, nil
}

// lockedAt returns the file of the locked model that lies at a path, or -1.
func (r *restorer) lockedAt(target string) int {
	for k, f := range r.rec.Files {
		path := r.locked
		if k > 0 {
			path = filepath.Join(filepath.Dir(r.locked), filepath.FromSlash(f.LockedName))
		}
		if samePath(target, path) {
			return k
		}
	}
	return -1
}

// there reports whether the original of data file i lies at its place already.
func (r *restorer) there(i int) (bool, error) {
	target := r.target(i)
	info, err := os.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(target)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return matches(f, r.rec.Files[i].Size, r.rec.Files[i].SHA256)
}

// write restores file i.
func (r *restorer) write(i int) error {
	src, err := r.open(i)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	target, want := r.target(i), &r.rec.Files[i]
	var f *atomicfile.File
	if i == 0 {
		f, err = r.out.CreateLike(target, info)
	} else {
		f, err = r.out.CreateBelow(filepath.Dir(r.dst), want.Name, info.Mode().Perm())
	}
	if err != nil {
		return err
	}
	switch {
	case r.original[i]:
		err = r.copyTo(f, src, want.Size, unchanged, want)
	case plain(r.stages[i]):
		err = r.copyTo(f, src, want.LockedSize, r.stages[i][0].pieces(), want)
	default:
		if err = r.back(i, f, src); err == errOriginal {
			if err = f.Truncate(0); err == nil {
				_, err = f.Seek(0, io.SeekStart)
			}
			if err == nil {
				err = r.copyTo(f, src, want.Size, unchanged, want)
			}
		}
	}
	switch {
	case errors.Is(err, ErrMismatch):
		return err
	case err != nil:
		return fmt.Errorf("restoring %s: %w", target, err)
	}
	if i == 0 {
		r.model = f.Name()
	}
	return f.Close()
}

// errNotOriginal means that a record does not give what it says.
var errNotOriginal = fmt.Errorf("%w: the result is not the original", ErrRecord)

// copyTo writes src to f with pieces replaced, and reads again what it has written.
func (r *restorer) copyTo(f *atomicfile.File, src *os.File, size int64, pieces iter.Seq[piece], want *FileRecord) error {
	if err := splice(f, src, size, pieces); err != nil {
		return err
	}
	r.went(size)
	same, err := matches(f.File, want.Size, want.SHA256)
	if err == nil && !same {
		err = errNotOriginal
	}
	return err
}

// back writes the original of file i to w. On the way it compares the locked file and what
// comes out of each step with their digests. If the file is the original's already, which
// only a run that resumes accepts, the error is errOriginal.
func (r *restorer) back(i int, w io.Writer, src *os.File) error {
	var from io.ReaderAt = src
	if r.done != nil {
		from = readerAtFunc(func(p []byte, at int64) (int, error) {
			n, err := src.ReadAt(p, at)
			r.done(int64(n))
			return n, err
		})
	}
	want := &r.rec.Files[i]
	err := restoreStream(r.ctx, w, from, want, r.stages[i])
	if other, ok := errors.AsType[*otherFileError](err); ok {
		if r.original[i] = r.resume && other.sum == want.SHA256; r.original[i] {
			return errOriginal
		}
		return fmt.Errorf("%s %w", src.Name(), ErrMismatch)
	}
	return err
}

// went tells that bytes have been gone through.
func (r *restorer) went(n int64) {
	if r.done != nil {
		r.done(n)
	}
}

// readerAtFunc is a function that is an io.ReaderAt.
type readerAtFunc func(p []byte, at int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, at int64) (int, error) { return f(p, at) }
