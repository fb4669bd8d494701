package onnxio

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// JournalSuffix is added to the name of a model whose files are being changed in place.
// The file of that name holds what is needed to go on, for as long as that takes.
const JournalSuffix = ".advparams-journal"

// UnfinishedError means that the files of a model are being changed in place, or that this
// was interrupted: they are neither original nor locked. Open returns it while there is a
// journal.
type UnfinishedError struct{ Model, Journal string }

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("%s is being changed in place, or that was interrupted: %s is there", e.Model, e.Journal)
}

// Hint says what to do.
func (e *UnfinishedError) Hint() string {
	return "unlock or protect it again, which finishes the work; do not remove the journal, which the model may need"
}

// checkFinished returns an *UnfinishedError if there is a journal beside a model, or beside
// the file that its name leads to.
func checkFinished(model string) error {
	for _, path := range []string{model, target(model)} {
		if _, err := os.Lstat(path + JournalSuffix); err == nil {
			return &UnfinishedError{model, path + JournalSuffix}
		}
	}
	return nil
}

// target returns where symbolic links lead to.
func target(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// InPlace reports whether a locked model becomes the original by decrypting bytes where
// they are: by one keystream, with all data files under their own names.
func (r *Record) InPlace() bool {
	if len(r.Steps) != 1 || r.Steps[0].Keystream == nil {
		return false
	}
	for _, f := range r.Files[1:] {
		if f.Name != f.LockedName {
			return false
		}
	}
	return true
}

// OpenInPlace opens the files of a record for reading and writing, those that do not
// change too. A file that has other names is refused: they would see the change. The
// files have the sizes that the record says.
func OpenInPlace(model string, rec *Record) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			files = nil
		}
	}()
	for i, f := range rec.Files {
		path := model
		if i > 0 {
			path = filepath.Join(filepath.Dir(model), filepath.FromSlash(f.LockedName))
		}
		if err := checkLinks(path, true); err != nil {
			return files, err
		}
		opened, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return files, err
		}
		files = append(files, opened)
		if err := (&restorer{locked: model, rec: rec}).same(i, opened); err != nil {
			return files, err
		}
	}
	return files, nil
}

// same makes sure that a file is file i of the locked model, found without following
// links, and of the right size.
func (r *restorer) same(i int, opened *os.File) error {
	confined, err := r.open(i)
	if err != nil {
		return err
	}
	defer confined.Close()
	a, err := confined.Stat()
	if err != nil {
		return err
	}
	b, err := opened.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) || b.Size() != r.rec.Files[i].LockedSize {
		return fmt.Errorf("%s %w", opened.Name(), ErrMismatch)
	}
	return nil
}

// Compare reports whether the files of a model are the original's, and whether they are
// those of the locked model. A change in place that was interrupted leaves neither.
func (r *Record) Compare(model string) (original, locked bool, err error) {
	original, locked = true, true
	c := &restorer{locked: model, rec: r}
	for i := range r.Files {
		f, err := c.open(i)
		if err != nil {
			return false, false, err
		}
		info, err := f.Stat()
		var sum [32]byte
		if err == nil {
			sum, err = digest(f, info.Size())
		}
		f.Close()
		if err != nil {
			return false, false, err
		}
		original = original && sum == r.Files[i].SHA256
		locked = locked && sum == r.Files[i].LockedSHA256
	}
	return original, locked, nil
}

// CheckRestore does what Restore does, but writes nothing: if it succeeds, so will
// decrypting in place. done is told as by Restore.
func CheckRestore(ctx context.Context, locked string, rec *Record, done func(n int64)) error {
	r := &restorer{ctx: ctx, locked: locked, rec: rec, done: done, original: make([]bool, len(rec.Files))}
	if err := r.plan(); err != nil {
		return err
	}
	if err := rec.checkDataNames(); err != nil {
		return err
	}
	if err := r.each(r.checkLocked); err != nil {
		return err
	}
	if err := r.checkNames(false); err != nil { // which sealing does not change
		return err
	}
	for i := range rec.Files {
		src, err := r.open(i)
		if err != nil {
			return err
		}
		err = r.back(i, io.Discard, src)
		src.Close()
		if err != nil {
			return fmt.Errorf("restoring %s: %w", src.Name(), err)
		}
	}
	return nil
}
