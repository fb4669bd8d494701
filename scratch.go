package advparams

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/advparams/advparams/internal/filelock"
	"github.com/advparams/advparams/internal/guard"
)

// scratch is a private folder for files that exist for as long as a run. A plain
// model may lie there, so that the folder has to go even if the process is killed:
// the next run removes folders whose lock nobody holds any more.
type scratch struct {
	dir  string
	lock *os.File
}

// scratchPattern is what folders for scratch are called in the folder for
// temporary files.
const scratchPattern = "advparams-scratch-*"

// lockName is the file in a scratch folder that its process holds a lock on.
const lockName = "lock"

// newScratch makes a folder. It has to be removed.
func newScratch() (*scratch, error) {
	sweepScratch()
	dir, err := os.MkdirTemp("", scratchPattern)
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: dir}
	s.lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = filelock.Try(s.lock)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		s.remove()
		return nil, err
	}
	return s, nil
}

// path returns the path of a file in the folder.
func (s *scratch) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scratch) remove() {
	if s == nil {
		return
	}
	// The lock goes last: whatever is left without one stays for a while.
	entries, _ := os.ReadDir(s.dir)
	for _, e := range entries {
		if e.Name() != lockName {
			os.RemoveAll(s.path(e.Name()))
		}
	}
	if s.lock != nil {
		s.lock.Close()
	}
	os.RemoveAll(s.dir)
}

// settling is the time that a process has to lock the folder it has made.
const settling = time.Minute

// sweepScratch removes the folders of processes that were killed, if they are the
// user's own. Others may put files and links of this name where we look.
func sweepScratch() {
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPattern))
	for _, dir := range found {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !guard.Ours(info) || info.Mode().Perm()&0o077 != 0 {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
		switch {
		case errors.Is(err, fs.ErrNotExist) && time.Since(info.ModTime()) > settling:
		case err != nil:
			continue
		default:
			err = filelock.Try(lock)
			lock.Close()
			if err != nil {
				continue
			}
		}
		os.RemoveAll(dir)
	}
}
