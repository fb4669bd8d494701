package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrExists is wrapped by ExistsError, for errors.Is.
var ErrExists = errors.New("exists already")

// ExistsError means that a file exists already and may not be replaced: Set.Force
// is false, or the file would be a secret.
type ExistsError struct {
	Path   string
	Secret bool // it would be replaced by a secret, which no option allows
}

func (e *ExistsError) Error() string { return fmt.Sprintf("%s %v", e.Path, ErrExists) }

// Unwrap returns ErrExists.
func (e *ExistsError) Unwrap() error { return ErrExists }

// Hint says what to do.
func (e *ExistsError) Hint() string {
	if e.Secret {
		return "choose another name, or move the file away: it may be the only way back to a model"
	}
	return "choose another name, or let it be replaced"
}

// IsFolderError means that there is a folder under the name of a file to be created.
type IsFolderError struct{ Path string }

func (e *IsFolderError) Error() string {
	return fmt.Sprintf("cannot create %s: it is a folder", e.Path)
}

// Hint says what to do.
func (e *IsFolderError) Hint() string { return "name a file in it" }

// FolderError means that a file cannot be created because of its folder.
type FolderError struct {
	Path, Dir string
	Err       error // wraps fs.ErrNotExist or fs.ErrPermission
}

func (e *FolderError) Error() string {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return fmt.Sprintf("cannot create %s: the folder %s does not exist", e.Path, e.Dir)
	}
	return fmt.Sprintf("cannot create %s: %v", e.Path, e.Err)
}

// Unwrap returns Err.
func (e *FolderError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *FolderError) Hint() string {
	if errors.Is(e.Err, fs.ErrNotExist) {
		return "create it first"
	}
	return fmt.Sprintf("the folder %s is not writable: choose another one", e.Dir)
}
