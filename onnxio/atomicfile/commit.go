package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// link is os.Link; tests replace it to act like a file system without links.
var link = os.Link

// Commit writes all files through to the disk and gives them their names. If it
// fails, everything is as it was before the set was begun.
func (s *Set) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errClosed
	}
	s.done = true
	if err := s.commit(); err != nil {
		s.undo()
		return err
	}
	for _, f := range s.files {
		if f.backup != "" {
			os.Remove(f.backup)
		}
	}
	return nil
}

func (s *Set) commit() error {
	for _, f := range s.files {
		if f.written {
			continue
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	for _, f := range s.files {
		publish := f.add
		if s.Force {
			publish = f.replace
		}
		if err := publish(); err != nil {
			return err
		}
	}
	synced := map[string]bool{}
	for _, dir := range s.touched() {
		if synced[dir] {
			continue
		}
		synced[dir] = true
		if err := syncFolder(dir); err != nil {
			return fmt.Errorf("cannot write the folder %s: %w", dir, cause(err))
		}
	}
	return nil
}

// touched returns the folders that have new entries.
func (s *Set) touched() []string {
	var dirs []string
	for _, f := range s.files {
		dirs = append(dirs, filepath.Dir(f.path))
	}
	for _, d := range s.folders {
		dirs = append(dirs, filepath.Dir(d))
	}
	return dirs
}

// add gives the file its name unless the name is taken. A link fails then, even
// if the other file appeared a moment ago; rename would replace it.
func (f *File) add() error {
	err := link(f.Name(), f.path)
	if err == nil {
		f.published = true
		os.Remove(f.Name())
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{f.path}
	}
	// No hard links here: reserve the name with an empty file and replace that.
	reserved, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{f.path}
	}
	if err != nil {
		return fmt.Errorf("cannot create %s: %w", f.path, cause(err))
	}
	reserved.Close()
	f.published = true
	if err := os.Rename(f.Name(), f.path); err != nil {
		return fmt.Errorf("cannot create %s: %w", f.path, cause(err))
	}
	return nil
}

// replace gives the file its name and keeps what had that name until the whole
// set is in place.
func (f *File) replace() error {
	if old, err := os.Lstat(f.path); err == nil {
		if !replaceable(old) {
			return fmt.Errorf("cannot replace %s: it is not a regular file", f.path)
		}
		backup := tempName(filepath.Dir(f.path))
		if err := link(f.path, backup); err != nil {
			if err := os.Rename(f.path, backup); err != nil {
				return fmt.Errorf("cannot replace %s: %w", f.path, cause(err))
			}
		}
		f.backup = backup
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return fmt.Errorf("cannot create %s: %w", f.path, cause(err))
	}
	f.published = true
	return nil
}

// replaceable reports whether a file may take the place of what is there.
func replaceable(old fs.FileInfo) bool {
	return old.Mode().IsRegular() || old.Mode()&fs.ModeSymlink != 0
}

// Abort removes everything the set has made. After Commit it does nothing, so it
// can be deferred.
func (s *Set) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done = true
	s.undo()
}

func (s *Set) undo() {
	for i := len(s.files) - 1; i >= 0; i-- {
		f := s.files[i]
		f.File.Close()
		os.Remove(f.Name())
		switch {
		case f.backup != "":
			if os.Rename(f.backup, f.path) == nil {
				os.Remove(f.backup) // renaming onto another link of the same file does nothing
			}
		case f.published:
			os.Remove(f.path)
		}
	}
	for i := len(s.folders) - 1; i >= 0; i-- {
		os.Remove(s.folders[i])
	}
}

// syncFolder makes the entries of a folder durable, where the system can.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
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
