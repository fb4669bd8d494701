package advparams

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/advparams/advparams/key"
)

// kind is what an output is. Force replaces files of the same kind, and never a key
// or an identity, which may be the only way back to a model.
type kind struct {
	name string // with its article
	is   func(head []byte) bool
}

var (
	// ofModel may replace anything but secrets: models have no mark of their own.
	ofModel  = kind{"a model", func([]byte) bool { return true }}
	ofPage   = kind{"a report", func(head []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")) }}
	ofArrays = kind{"an .npz file", func(head []byte) bool { return bytes.HasPrefix(head, []byte("PK")) }}
)

// OverwriteError means that an output would replace a file that is something else.
// No option allows it.
type OverwriteError struct {
	Path   string
	Is     string // "a key or an identity", or "not a report"
	Secret bool   // the file is a key or an identity
}

func (e *OverwriteError) Error() string {
	return fmt.Sprintf("%s is %s and will not be replaced", e.Path, e.Is)
}

// Unwrap returns ErrExists.
func (e *OverwriteError) Unwrap() error { return ErrExists }

// Hint says what to do.
func (e *OverwriteError) Hint() string { return "choose another name, or move the file away" }

// spare keeps a file if it is not of this kind. An empty file is of any.
func (k kind) spare(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // a link that leads nowhere has nothing to lose
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096))
	switch {
	case err != nil:
		return err
	case key.IsSecret(head):
		return &OverwriteError{Path: path, Is: "a key or an identity", Secret: true}
	case len(head) > 0 && !k.is(head):
		return &OverwriteError{Path: path, Is: "not " + k.name}
	}
	return nil
}
