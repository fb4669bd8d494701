// Package atomicfile writes groups of files that appear together, whole, or not
// at all.
//
//	var out atomicfile.Set
//	defer out.Abort()
//	f, err := out.Create("locked.onnx")
//	…
//	return out.Commit()
//
// Every file is written under a temporary name in its own folder. Commit writes
// all of them through to the disk, and only then gives them their names. When a
// step fails, what was there before is there again. A crash can leave temporary
// files behind (.advparams-*.tmp), never a half-written file under its own name;
// a crash in the middle of Commit can leave some of a group's files renamed and
// others not, or, on file systems without hard links, an empty file.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// A Set is a group of output files. The zero Set is ready for use. Its methods
// may be called from several goroutines, so a signal handler may Abort.
type Set struct {
	// Force lets files be replaced that exist already. Without it a file that
	// somebody else creates before Commit is not replaced either.
	Force bool

	mu      sync.Mutex
	files   []*File
	folders []string // made by MkdirAll, outermost first
	done    bool
}

// A File is an output file under its temporary name. Commit closes it, unless
// that has been done.
type File struct {
	*os.File
	path      string // its name to be
	backup    string // what path was before Commit replaced it
	written   bool   // through to the disk, and closed
	published bool
}

// Path returns the name the file will have.
func (f *File) Path() string { return f.path }

// Close writes the file through to the disk and closes it. It spares a set of
// very many files from keeping all of them open.
func (f *File) Close() error {
	err := errors.Join(f.Sync(), f.File.Close())
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.path, cause(err))
	}
	f.written = true
	return nil
}

// Create starts a file which will appear at path when the set is committed. Its
// permission bits are 0644 less the umask, or those of the file it replaces.
func (s *Set) Create(path string) (*File, error) { return s.create(path, 0o644) }

// CreatePrivate is Create for secrets: the permission bits are 0600, whatever
// was there before.
func (s *Set) CreatePrivate(path string) (*File, error) { return s.create(path, 0o600) }

func (s *Set) create(path string, perm fs.FileMode) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil, errClosed
	}
	dir := filepath.Dir(path)
	if err := checkFolder(path, dir); err != nil {
		return nil, err
	}
	old, err := s.checkTarget(path)
	if err != nil {
		return nil, err
	}
	keep := old != nil && old.Mode().IsRegular() && perm != 0o600
	if keep {
		perm = old.Mode().Perm()
	}
	f, err := createTemp(dir, perm)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, &FolderError{Path: path, Dir: dir, Err: cause(err)}
		}
		return nil, fmt.Errorf("cannot create %s: %w", path, cause(err))
	}
	out := &File{File: f, path: path}
	s.files = append(s.files, out)
	if keep { // exactly, not less the umask
		if err := f.Chmod(perm); err != nil {
			return nil, fmt.Errorf("cannot create %s: %w", path, cause(err))
		}
	}
	return out, nil
}

// checkFolder refuses paths whose folder is missing.
func checkFolder(path, dir string) error {
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return fmt.Errorf("%q is not the name of a file", path)
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &FolderError{Path: path, Dir: dir, Err: fs.ErrNotExist}
	case err != nil:
		return fmt.Errorf("cannot create %s: %w", path, err)
	case !info.IsDir():
		return fmt.Errorf("cannot create %s: %s is not a folder", path, dir)
	}
	return nil
}

// checkTarget returns what is at path now, if it may be replaced.
func (s *Set) checkTarget(path string) (fs.FileInfo, error) {
	for _, f := range s.files {
		if sameName(f.path, path) {
			return nil, fmt.Errorf("%s would be written twice", path)
		}
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot create %s: %w", path, cause(err))
	}
	if target, err := os.Stat(path); err == nil && target.IsDir() {
		return nil, &IsFolderError{path}
	}
	if !s.Force {
		return nil, &ExistsError{path}
	}
	if !replaceable(info) {
		return nil, fmt.Errorf("cannot replace %s: it is not a regular file", path)
	}
	return info, nil
}

// sameName reports whether two paths name the same place, which need not exist.
func sameName(a, b string) bool {
	if filepath.Base(a) != filepath.Base(b) {
		return false
	}
	da, erra := os.Stat(filepath.Dir(a))
	db, errb := os.Stat(filepath.Dir(b))
	return erra == nil && errb == nil && os.SameFile(da, db)
}

// MkdirAll makes a folder and its missing parents. Abort, and a Commit that
// fails, remove those it made.
func (s *Set) MkdirAll(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errClosed
	}
	return s.mkdirAll(filepath.Clean(dir))
}

func (s *Set) mkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := s.mkdirAll(parent); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else was faster
	}
	if err == nil {
		s.folders = append(s.folders, dir)
	}
	return err
}

var errClosed = errors.New("the set of output files is already committed or aborted")

// createTemp creates a file of a new name in dir. Unlike os.CreateTemp it
// respects the umask.
func createTemp(dir string, perm fs.FileMode) (*os.File, error) {
	for range 100 {
		f, err := os.OpenFile(tempName(dir), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("no free temporary name in %s", dir)
}

func tempName(dir string) string {
	return filepath.Join(dir, fmt.Sprintf(".advparams-%016x.tmp", rand.Uint64()))
}

// cause strips the temporary name, which means nothing to the reader.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
