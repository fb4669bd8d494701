package onnxio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/internal/memory"
)

// A LockedModel is where the files of a locked model are.
type LockedModel struct {
	name string
	// open opens the model file for an empty name, and else a data file.
	open func(name string) (sourceFile, error)
}

// sourceFile is a file to read.
type sourceFile struct {
	io.ReaderAt
	size int64
	io.Closer
}

// LockedAt is a locked model in a folder. Symbolic links to its data files are refused.
func LockedAt(path string) LockedModel {
	return LockedModel{path, func(name string) (sourceFile, error) {
		r := &restorer{locked: path, rec: &Record{Files: []FileRecord{{}, {LockedName: name}}}}
		f, err := r.open(min(len(name), 1))
		if err != nil {
			return sourceFile{}, err
		}
		return opened(f, f)
	}}
}

// LockedIn is a locked model in a file system, whose files must have a method ReadAt, as
// those of os.DirFS and package embed do.
func LockedIn(fsys fs.FS, name string) LockedModel {
	return LockedModel{name, func(data string) (sourceFile, error) {
		at := name
		if data != "" {
			at = path.Join(path.Dir(name), data)
		}
		f, err := fsys.Open(at)
		if err != nil {
			return sourceFile{}, err
		}
		from, ok := f.(io.ReaderAt)
		if !ok {
			f.Close()
			return sourceFile{}, fmt.Errorf("%s: a file without a method ReadAt", at)
		}
		return opened(f, from)
	}}
}

// opened returns a file that is a regular one.
func opened(f fs.File, from io.ReaderAt) (sourceFile, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", info.Name())
	}
	if err != nil {
		f.Close()
		return sourceFile{}, err
	}
	return sourceFile{from, info.Size(), f}, nil
}

// LockedBytes is a locked model in memory, with its data files by name. Nothing of it may
// change as long as it is used.
func LockedBytes(model []byte, data map[string][]byte) LockedModel {
	return LockedModel{"the locked model", func(name string) (sourceFile, error) {
		content, ok := model, true
		if name != "" {
			if content, ok = data[name]; !ok {
				return sourceFile{}, &ExternalDataError{Location: name, Missing: true}
			}
		}
		return sourceFile{bytes.NewReader(content), int64(len(content)), io.NopCloser(nil)}, nil
	}}
}

// An Opened is the original of a locked model, in memory.
type Opened struct{ files []*OpenedFile }

// An OpenedFile is a file of the original. Methods may be called by several goroutines.
type OpenedFile struct {
	name  string
	size  int64
	block *memory.Block
}

// RestoreInMemory makes the original of a locked model in memory, and compares it with the
// digests of the record as Restore does. No file is written. The memory is no Go memory:
// it is not moved, not collected, and left out of core dumps where the system can (Linux).
// It can be swapped out. Opened must be closed.
//
// done, if it is not nil, is told how many bytes have been made, by any goroutine.
func RestoreInMemory(ctx context.Context, locked LockedModel, rec *Record, done func(n int64)) (_ *Opened, err error) {
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	stages := rec.stages()
	o := &Opened{files: make([]*OpenedFile, len(rec.Files))}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	// Files are decrypted by several goroutines each, and digested by one.
	const atATime = 4
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atATime)
	for i := range rec.Files {
		g.Go(func() error {
			var err error
			o.files[i], err = restoreOpened(ctx, locked, i, &rec.Files[i], stages[i], done)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := o.checkNames(locked.name); err != nil {
		return nil, err
	}
	return o, nil
}

// restoreOpened makes file i of the original.
func restoreOpened(ctx context.Context, locked LockedModel, i int, want *FileRecord, stages []stage, done func(n int64)) (_ *OpenedFile, err error) {
	source, where := "", locked.name
	if i > 0 {
		source, where = path.Clean(want.LockedName), want.LockedName
	}
	src, err := locked.open(source)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.size != want.LockedSize { // before memory is taken for what a key says
		return nil, fmt.Errorf("%s %w", where, ErrMismatch)
	}
	block, err := memory.New(want.Size)
	if err != nil {
		return nil, err
	}
	to := &filler{data: block.Bytes(), done: done}
	if err := restoreStream(ctx, to, src, want, stages); err != nil {
		err = errors.Join(err, block.Wipe())
		if errors.Is(err, ErrMismatch) {
			return nil, fmt.Errorf("%s %w", where, ErrMismatch)
		}
		return nil, fmt.Errorf("unlocking %s: %w", where, err)
	}
	return &OpenedFile{want.Name, want.Size, block}, nil
}

// filler fills memory.
type filler struct {
	data []byte // that is left
	done func(n int64)
}

func (f *filler) Write(p []byte) (int, error) {
	n := copy(f.data, p)
	f.data = f.data[n:]
	if f.done != nil {
		f.done(int64(n))
	}
	if n < len(p) {
		return n, errNotOriginal
	}
	return n, nil
}

// checkNames makes sure that the original refers to every data file: a key from a stranger
// names no others.
func (o *Opened) checkNames(where string) error {
	if len(o.files) == 1 {
		return nil
	}
	m := &Model{path: where, files: []*File{{Name: where, Path: where}}}
	if err := m.parse(o.files[0].block.Bytes()); err != nil {
		return explain(where, o.files[0].block.Bytes(), err)
	}
	names := m.externalNames()
	for _, f := range o.files[1:] {
		if !slices.Contains(names, path.Clean(f.name)) {
			return fmt.Errorf("%w: the original does not refer to its file %q", ErrRecord, f.name)
		}
	}
	return nil
}

// Files returns the model file first, then its data files.
func (o *Opened) Files() []*OpenedFile { return o.files }

// File returns the file of that name, nil if there is none.
func (o *Opened) File(name string) *OpenedFile {
	for _, f := range o.files {
		if path.Clean(f.name) == path.Clean(name) {
			return f
		}
	}
	return nil
}

// Close overwrites all files with zeros and gives their memory back. Calls of ReadAt that
// are under way end before, later ones fail. It may be called again.
func (o *Opened) Close() error {
	var errs []error
	for _, f := range o.files {
		if f != nil {
			errs = append(errs, f.block.Wipe())
		}
	}
	return errors.Join(errs...)
}

// Name returns the name of the file: for data files the location by which the model refers
// to it, with slashes.
func (f *OpenedFile) Name() string { return f.name }

// Size returns the number of bytes.
func (f *OpenedFile) Size() int64 { return f.size }

// Bytes returns the content. It must not be changed, nor used once the file is closed:
// the memory is then no longer there, and reading it ends the process.
func (f *OpenedFile) Bytes() []byte { return f.block.Bytes() }

// ReadAt implements io.ReaderAt. After Close it returns os.ErrClosed.
func (f *OpenedFile) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("%s: offset %d", filepath.Base(f.name), at)
	}
	f.block.Use(func(data []byte) {
		switch {
		case data == nil && f.size > 0:
			err = os.ErrClosed
		case at < f.size:
			n = copy(p, data[at:])
			fallthrough
		default:
			if n < len(p) {
				err = io.EOF
			}
		}
	})
	return n, err
}
