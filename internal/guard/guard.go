// Package guard opens files and folders in places where others may have put
// something else: a symbolic link, a pipe, a device, a folder of their own.
//
// Files in this package:
//
//	guard.go             files and folders that are what they seem
//	owner_unix.go        whose a file is
//	owner_other.go       whose a file is, elsewhere
package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Error says that something in a folder is not what it has to be.
type Error struct {
	Path   string
	Reason string // such as "is a symbolic link"
	Advice string // "" if the file can be removed
}

func (e *Error) Error() string { return e.Path + " " + e.Reason }

// Hint returns what to do about it.
func (e *Error) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return "somebody else may have put it there: look at it, and remove it"
}

// kind says what is in the way of a regular file or a folder.
func kind(path string, info fs.FileInfo) *Error {
	reason := "is neither a regular file nor a folder"
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		reason = "is a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		reason = "is a named pipe"
	case mode&fs.ModeDevice != 0:
		reason = "is a device"
	case mode&fs.ModeSocket != 0:
		reason = "is a socket"
	case mode.IsDir():
		reason = "is a folder"
	case mode.IsRegular():
		reason = "is not a folder"
	}
	return &Error{Path: path, Reason: reason}
}

// tries bounds how often a file is looked at again that somebody keeps replacing.
const tries = 100

// Open opens a regular file in a folder, or makes it if flag has os.O_CREATE. It never
// follows a symbolic link and never waits for the other end of a pipe. name has no
// separators. What is not a regular file is an *Error.
func Open(dir *os.Root, name string, flag int, perm fs.FileMode) (*os.File, error) {
	for range tries {
		before, err := dir.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
			f, err := dir.OpenFile(name, flag|os.O_EXCL, perm)
			if errors.Is(err, fs.ErrExist) {
				continue
			}
			return f, err
		}
		if err != nil {
			return nil, err
		}
		if !before.Mode().IsRegular() {
			return nil, kind(join(dir, name), before)
		}
		f, err := dir.OpenFile(name, flag&^(os.O_CREATE|os.O_TRUNC)|nonblock, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		after, err := f.Stat()
		switch {
		case err != nil:
		case !os.SameFile(before, after): // replaced in between
			f.Close()
			continue
		case flag&os.O_TRUNC != 0:
			err = f.Truncate(0)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
	return nil, &Error{Path: join(dir, name), Reason: "is being replaced again and again"}
}

// Trusted makes sure that a file belongs to the user who runs this process or to the owner
// of another file, and that nobody else can write to it.
func Trusted(path string, info, other fs.FileInfo) error {
	const advice = "if whoever made it is at work on the model, let them finish; if not, look at it before you move it away"
	switch {
	case !Ours(info) && !sameOwner(info, other):
		return &Error{path, "belongs to another user", advice}
	case permitted(info)&0o022 != 0:
		return &Error{path, fmt.Sprintf("has mode %04o, so that others may write to it", info.Mode().Perm()), advice}
	}
	return nil
}

// Follow opens a regular file for reading, through symbolic links. It never waits for
// the other end of a pipe.
func Follow(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = kind(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Create makes a file, in place of one that is there. That one's other names keep
// their content. What is not a regular file stays, and is an *Error.
func Create(dir *os.Root, name string, perm fs.FileMode) (*os.File, error) {
	for range tries {
		info, err := dir.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, kind(join(dir, name), info)
		default:
			if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, &Error{Path: join(dir, name), Reason: "is being replaced again and again"}
}

// Read returns the content of a regular file of at most max bytes.
func Read(dir *os.Root, name string, max int64) ([]byte, error) {
	f, err := Open(dir, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(text)) > max {
		err = &Error{Path: join(dir, name), Reason: fmt.Sprintf("has more than %d bytes", max)}
	}
	return text, err
}

// Folder opens a folder in another one. A symbolic link is an *Error.
func Folder(dir *os.Root, name string) (*os.Root, error) {
	before, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, kind(join(dir, name), before)
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	after, err := sub.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = &Error{Path: join(dir, name), Reason: "was replaced a moment ago"}
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// Private opens a folder for files that nobody else may see or replace, and makes it
// if it is missing. It has to belong to the user who runs this process, who alone may
// have any permission. name has no separators.
func Private(dir *os.Root, name string) (*os.Root, error) {
	return owned(dir, name, 0o077, "use it: it has to be 0700")
}

// Owned is Private for a folder that others may look into, but not write to.
func Owned(dir *os.Root, name string) (*os.Root, error) {
	return owned(dir, name, 0o022, "write to it: it has to be 0755 or 0700")
}

func owned(dir *os.Root, name string, denied fs.FileMode, may string) (*os.Root, error) {
	if err := dir.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	sub, err := Folder(dir, name)
	if err != nil {
		return nil, err
	}
	info, err := sub.Stat(".")
	switch {
	case err != nil:
	case !Ours(info):
		err = &Error{Path: join(dir, name), Reason: "belongs to another user"}
	case permitted(info)&denied != 0:
		err = &Error{Path: join(dir, name), Reason: fmt.Sprintf("has mode %04o, so that others may %s", info.Mode().Perm(), may)}
	}
	if err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// join names a file for people.
func join(dir *os.Root, name string) string {
	return dir.Name() + string(os.PathSeparator) + name
}
