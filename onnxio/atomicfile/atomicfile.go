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
// all of them through to the disk, and only then gives them their names: secrets
// first (CreatePrivate), so that what they open never exists without them. When a
// step fails, what was there before is there again.
//
// A crash never leaves a half-written file under its own name. A crash in the
// middle of Commit can leave some of a group's files renamed and others not; the
// secrets are then in place if anything is. Temporary files that a crash leaves
// behind (.advparams-*.tmp and .advparams-*.old) are removed by the next Set that
// writes to the folder, unless the process that made them is alive.
//
// Files in this package:
//
//	atomicfile.go  Set and File: creating files under temporary names
//	commit.go      publishing them, and taking that back
//	errors.go      the errors that callers tell apart
//	folder.go      folders held open, so that names cannot lead out of them
//	temp.go        temporary names, and removing those of dead processes
//	writeback.go   having files written to the disk while they grow
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A Set is a group of output files. The zero Set is ready for use. Its methods
// may be called from several goroutines, so a signal handler may Abort.
type Set struct {
	// Force lets files be replaced that exist already. Without it a file that
	// somebody else creates before Commit is not replaced either. Secrets never
	// replace a file.
	Force bool
	// Spare, unless nil, is asked about every file that Force would replace. Its
	// error keeps the file and is returned by Create.
	Spare func(path string) error

	mu      sync.Mutex
	files   []*File
	folders map[string]*folder // by path
	swept   map[place]bool     // below them
	made    []place            // folders made, outermost first
	done    bool
}

// A File is an output file under its temporary name. Commit closes it, unless
// that has been done.
type File struct {
	*os.File
	path      string // its name to be, for people
	at        place  // and for the system
	temp      place
	backup    string // in the folder of at: what was there before Commit replaced it
	private   bool
	written   bool // through to the disk, and closed
	published bool

	begun, pending int64 // bytes that Write has asked to be written through, and since
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
func (s *Set) Create(path string) (*File, error) {
	return s.create(path, 0o644, false)
}

// CreateLike is Create with the permission bits of info for a file that replaces
// none: what is made from a private file stays private.
func (s *Set) CreateLike(path string, info fs.FileInfo) (*File, error) {
	return s.create(path, info.Mode().Perm(), false)
}

// CreatePrivate is Create for secrets that may be the only way back, such as keys.
// The permission bits are 0600, and a file that exists is not replaced, whatever
// Force says. Commit makes secrets durable before it publishes any other file.
func (s *Set) CreatePrivate(path string) (*File, error) {
	return s.create(path, 0o600, true)
}

func (s *Set) create(path string, perm fs.FileMode, private bool) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil, errClosed
	}
	dir := filepath.Dir(path)
	if err := checkFolder(path, dir); err != nil {
		return nil, err
	}
	in, err := s.folder(dir)
	if err != nil {
		return nil, cannotCreate(path, dir, err)
	}
	return s.createAt(place{in, filepath.Base(path)}, path, perm, private)
}

// CreateBelow is Create for a file below the folder dir, whose name comes from
// somebody else: a relative path with slashes. It makes missing folders. A name
// that leads out of dir, or through a symbolic link, is an error. The permission bits
// of a file that replaces none are perm less the umask.
func (s *Set) CreateBelow(dir, name string, perm fs.FileMode) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil, errClosed
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	in, err := s.folder(dir)
	if err != nil {
		return nil, cannotCreate(path, dir, err)
	}
	at := place{in, filepath.Clean(filepath.FromSlash(name))}
	if err := s.mkdirAll(at.dir()); err != nil {
		return nil, cannotCreate(path, filepath.Dir(path), err)
	}
	if below := at.dir(); below.name != "." && !s.swept[below] {
		sweep(below)
		if s.swept == nil {
			s.swept = map[place]bool{}
		}
		s.swept[below] = true
	}
	return s.createAt(at, path, perm, false)
}

// createAt creates the temporary file. The folder of at exists.
func (s *Set) createAt(at place, path string, perm fs.FileMode, private bool) (*File, error) {
	old, err := s.checkTarget(at, path, private)
	if err != nil {
		return nil, err
	}
	keep := old != nil && old.Mode().IsRegular()
	if keep {
		perm = old.Mode().Perm()
	}
	file, temp, err := createTemp(at, perm)
	if err != nil {
		return nil, cannotCreate(path, filepath.Dir(path), err)
	}
	out := &File{File: file, path: path, at: at, temp: temp, private: private}
	s.files = append(s.files, out)
	if keep { // exactly, not less the umask
		if err := file.Chmod(perm); err != nil {
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

// cannotCreate explains an error of creating path in dir.
func cannotCreate(path, dir string, err error) error {
	if err = cause(err); errors.Is(err, fs.ErrPermission) {
		return &FolderError{Path: path, Dir: dir, Err: err}
	}
	return fmt.Errorf("cannot create %s: %w", path, err)
}

// checkTarget returns what is at a place now, if it may be replaced.
func (s *Set) checkTarget(at place, path string, private bool) (fs.FileInfo, error) {
	for _, f := range s.files {
		if f.at.same(at) {
			return nil, fmt.Errorf("%s would be written twice", path)
		}
	}
	info, err := at.root().Lstat(at.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot create %s: %w", path, cause(err))
	}
	if target, err := os.Stat(path); err == nil && target.IsDir() {
		return nil, &IsFolderError{path}
	}
	if private {
		return nil, &ExistsError{Path: path, Secret: true}
	}
	if !s.Force {
		return nil, &ExistsError{Path: path}
	}
	if !replaceable(info) {
		return nil, fmt.Errorf("cannot replace %s: it is not a regular file", path)
	}
	if s.Spare != nil {
		if err := s.Spare(path); err != nil {
			return nil, err
		}
	}
	return info, nil
}

// MkdirAll makes a folder and its missing parents. Abort, and a Commit that
// fails, remove those it made.
func (s *Set) MkdirAll(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errClosed
	}
	dir = filepath.Clean(dir)
	there := dir
	for {
		info, err := os.Stat(there)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a folder", there)
		}
		parent := filepath.Dir(there)
		if err == nil || parent == there {
			break
		}
		there = parent
	}
	name, err := filepath.Rel(there, dir)
	if err != nil {
		return err
	}
	in, err := s.folder(there)
	if err != nil {
		return err
	}
	return s.mkdirAll(place{in, name})
}

var errClosed = errors.New("the set of output files is already committed or aborted")

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
