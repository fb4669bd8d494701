package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// A folder is held open for as long as files are written to it, so that nobody can
// put another one in its place.
type folder struct{ root *os.Root }

// A place is a name below a folder.
type place struct {
	in   *folder
	name string // relative, clean
}

func (p place) root() *os.Root { return p.in.root }

// dir returns the folder that the place is in.
func (p place) dir() place { return place{p.in, filepath.Dir(p.name)} }

// beside returns another name in the same folder.
func (p place) beside(name string) place {
	return place{p.in, filepath.Join(filepath.Dir(p.name), name)}
}

// path names the place for people.
func (p place) path() string { return filepath.Join(p.root().Name(), p.name) }

// same reports whether two places are one. Nothing has to be there, but for their
// folders.
func (p place) same(q place) bool {
	if filepath.Base(p.name) != filepath.Base(q.name) {
		return false
	}
	a, erra := p.root().Stat(p.dir().name)
	b, errb := q.root().Stat(q.dir().name)
	return erra == nil && errb == nil && os.SameFile(a, b)
}

// folder opens a folder, once for the set, and removes what dead processes have
// left in it.
func (s *Set) folder(dir string) (*folder, error) {
	if in := s.folders[dir]; in != nil {
		return in, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if s.folders == nil {
		s.folders = map[string]*folder{}
	}
	in := &folder{root}
	s.folders[dir] = in
	sweep(place{in, "."})
	return in, nil
}

// closeFolders ends the use of all folders.
func (s *Set) closeFolders() {
	for _, in := range s.folders {
		in.root.Close()
	}
	s.folders = nil
}

// mkdirAll makes a folder and its missing parents below the folder of the set that
// it belongs to. Symbolic links on the way are refused.
func (s *Set) mkdirAll(dir place) error {
	if !filepath.IsLocal(dir.name) {
		return fmt.Errorf("%s is outside of the folder", dir.name)
	}
	name := ""
	for part := range strings.SplitSeq(dir.name, string(filepath.Separator)) {
		name = filepath.Join(name, part)
		at := place{dir.in, name}
		err := at.root().Mkdir(name, 0o777)
		if err == nil {
			s.made = append(s.made, at)
			continue
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := at.root().Lstat(name)
		switch {
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link", at.path())
		case !info.IsDir():
			return fmt.Errorf("%s is not a folder", at.path())
		}
	}
	return nil
}

// sync makes the entries of a folder durable, where the system can.
func (p place) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := p.root().Open(p.name)
	if errors.Is(err, fs.ErrPermission) {
		return nil // may be written but not read
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
