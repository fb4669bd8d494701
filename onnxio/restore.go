package onnxio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// Restore writes to dst the original of the model file locked, which Rewrite
// wrote, and beside it the original's external data under its original names.
// Data that is there already is left alone. Nothing else may be replaced unless
// out allows it, and the locked model's own data files only if dst is locked.
//
// The files must be exactly those that Rewrite wrote (ErrMismatch), which is
// checked before anything else; the result is exactly the original, which is
// checked before Restore returns, while nothing is committed. ONNX is not
// parsed: the work is a copy with patches, whatever the file holds.
func Restore(locked string, rec *Record, out *atomicfile.Set, dst string) error {
	if err := rec.check(); err != nil {
		return err
	}
	pieces, err := rec.reverse()
	if err != nil {
		return err
	}
	r := restorer{locked: locked, dst: dst, rec: rec, out: out, pieces: pieces}
	if err := r.each(r.checkLocked); err != nil {
		return err
	}
	var todo []int
	for i := range rec.Files {
		write, err := r.needed(i)
		if err != nil {
			return err
		}
		if write {
			todo = append(todo, i)
		}
	}
	for _, i := range todo {
		if err := r.write(i); err != nil {
			return err
		}
	}
	return nil
}

type restorer struct {
	locked, dst string
	rec         *Record
	out         *atomicfile.Set
	pieces      [][]piece
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
	f, err := r.open(i)
	if err != nil {
		return err
	}
	defer f.Close()
	want := &r.rec.Files[i]
	same, err := matches(f, want.LockedSize, want.LockedSHA256)
	if err == nil && !same {
		err = ErrMismatch
	}
	if err != nil {
		return fmt.Errorf("%s %w", f.Name(), err)
	}
	return nil
}

// matches reports whether a file has this size and digest.
func matches(f *os.File, size int64, sum [32]byte) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() != size {
		return false, err
	}
	have, err := digest(f, size, nil)
	return have == sum, err
}

// target returns where the original of file i goes.
func (r *restorer) target(i int) string {
	if i == 0 {
		return r.dst
	}
	return filepath.Join(filepath.Dir(r.dst), filepath.FromSlash(r.rec.Files[i].Name))
}

// needed reports whether the original of file i has to be written.
func (r *restorer) needed(i int) (bool, error) {
	target := r.target(i)
	if i > 0 {
		if there, err := r.there(i); there || err != nil {
			return !there, err
		}
	}
	if samePath(r.dst, r.locked) {
		return true, nil
	}
	for k, f := range r.rec.Files {
		path := r.locked
		if k > 0 {
			path = filepath.Join(filepath.Dir(r.locked), filepath.FromSlash(f.LockedName))
		}
		if samePath(target, path) {
			return false, &OverwriteError{target, r.locked}
		}
	}
	return true, nil
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
	target := r.target(i)
	if i > 0 {
		if err := r.out.MkdirAll(filepath.Dir(target)); err != nil {
			return err
		}
	}
	f, err := r.out.Create(target)
	if err != nil {
		return err
	}
	want := &r.rec.Files[i]
	if err := splice(f, src, want.LockedSize, r.pieces[i]); err != nil {
		return fmt.Errorf("restoring %s: %w", target, err)
	}
	same, err := matches(f.File, want.Size, want.SHA256)
	if err == nil && !same {
		err = fmt.Errorf("%w: the result is not the original", ErrRecord)
	}
	if err != nil {
		return fmt.Errorf("restoring %s: %w", target, err)
	}
	return f.Close()
}
