package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// link is os.Root.Link; tests replace it to act like a file system without links.
var link = (*os.Root).Link

// Commit writes all files through to the disk and gives them their names: first
// the secrets, durably, then the others, the last created first. If it fails,
// everything is as it was before the set was begun.
func (s *Set) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return errClosed
	}
	s.done = true
	defer s.closeFolders()
	if err := s.commit(); err != nil {
		s.undo()
		return err
	}
	for _, f := range s.files {
		if f.backup != "" {
			f.at.root().Remove(f.backup)
		}
	}
	return nil
}

func (s *Set) commit() error {
	var secrets, others []*File
	for _, f := range s.files {
		if !f.written {
			if err := f.Close(); err != nil {
				return err
			}
		}
		if f.private {
			secrets = append(secrets, f)
		} else {
			others = append(others, f)
		}
	}
	// What refers to other files, as a model to its data, is created before them.
	slices.Reverse(others)
	var folders []place // that have new entries
	for _, dir := range s.made {
		folders = append(folders, dir.dir())
	}
	for _, group := range [][]*File{secrets, others} {
		for _, f := range group {
			publish := f.add
			if s.Force && !f.private {
				publish = f.replace
			}
			if err := publish(); err != nil {
				return err
			}
			folders = append(folders, f.at.dir())
		}
		if err := syncAll(folders); err != nil {
			return err
		}
		folders = nil
	}
	return nil
}

// syncAll makes the entries of folders durable.
func syncAll(folders []place) error {
	synced := map[place]bool{}
	for _, dir := range folders {
		if synced[dir] {
			continue
		}
		synced[dir] = true
		if err := dir.sync(); err != nil {
			return fmt.Errorf("cannot write the folder %s: %w", dir.path(), cause(err))
		}
	}
	return nil
}

// add gives the file its name unless the name is taken. A link fails then, even
// if the other file appeared a moment ago; rename would replace it.
func (f *File) add() error {
	root := f.at.root()
	err := link(root, f.temp.name, f.at.name)
	if err == nil {
		f.published = true
		root.Remove(f.temp.name)
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{Path: f.path, Secret: f.private}
	}
	// No hard links here: reserve the name with an empty file and replace that.
	reserved, err := root.OpenFile(f.at.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{Path: f.path, Secret: f.private}
	}
	if err != nil {
		return fmt.Errorf("cannot create %s: %w", f.path, cause(err))
	}
	reserved.Close()
	f.published = true
	return f.rename()
}

// rename gives the file its name.
func (f *File) rename() error {
	if err := f.at.root().Rename(f.temp.name, f.at.name); err != nil {
		return fmt.Errorf("cannot create %s: %w", f.path, cause(err))
	}
	return nil
}

// replace gives the file its name and keeps what had that name until the whole
// set is in place.
func (f *File) replace() error {
	if old, err := f.at.root().Lstat(f.at.name); err == nil {
		if !replaceable(old) {
			return fmt.Errorf("cannot replace %s: it is not a regular file", f.path)
		}
		if err := f.keep(old); err != nil {
			return fmt.Errorf("cannot replace %s: %w", f.path, cause(err))
		}
	}
	if err := f.rename(); err != nil {
		return err
	}
	f.published = true
	return nil
}

// keep makes a second name for the file that is about to be replaced, or a copy
// where files have one name only. At no time is the file without its own name.
func (f *File) keep(old fs.FileInfo) error {
	root := f.at.root()
	backup := f.at.beside(tempName(backupEnding)).name
	err := link(root, f.at.name, backup)
	if err != nil && old.Mode().IsRegular() {
		err = copyFile(root, f.at.name, backup, old.Mode().Perm())
	}
	if err != nil && old.Mode()&fs.ModeSymlink != 0 {
		var target string
		if target, err = root.Readlink(f.at.name); err == nil {
			err = root.Symlink(target, backup)
		}
	}
	if err == nil {
		f.backup = backup
	}
	return err
}

func copyFile(root *os.Root, from, to string, perm fs.FileMode) error {
	src, err := root.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Close()); err != nil {
		root.Remove(to)
	}
	return err
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
	s.closeFolders()
}

// undo takes everything back, in reverse order, so that secrets are the last to go.
func (s *Set) undo() {
	restored := true
	for _, f := range slices.Backward(s.files) {
		f.File.Close()
		root := f.at.root()
		root.Remove(f.temp.name)
		if f.private {
			continue
		}
		switch {
		case f.backup != "":
			if root.Rename(f.backup, f.at.name) == nil {
				root.Remove(f.backup) // renaming onto another link of the same file does nothing
			} else {
				restored = false
			}
		case f.published:
			root.Remove(f.at.name)
		}
	}
	for _, f := range s.files {
		// A secret stays if it may be the only way back to what was replaced.
		if f.private && f.published && restored {
			f.at.root().Remove(f.at.name)
		}
	}
	for _, dir := range slices.Backward(s.made) {
		dir.root().Remove(dir.name)
	}
}
