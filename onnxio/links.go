package onnxio

import (
	"fmt"
	"io/fs"
	"os"
)

// LinkedError means that a file cannot be replaced in place because of its links.
// A symbolic link would be replaced and its target left as it is; another hard
// link would keep the content.
type LinkedError struct {
	Path   string
	Target string // of a symbolic link; "" if there are other hard links
	Links  uint64 // hard links
}

func (e *LinkedError) Error() string {
	if e.Target != "" {
		return fmt.Sprintf("%s is a symbolic link to %s, which would stay as it is", e.Path, e.Target)
	}
	return fmt.Sprintf("%s has %d hard links, and the others would keep the original", e.Path, e.Links)
}

// Hint says what to do.
func (e *LinkedError) Hint() string {
	if e.Target != "" {
		return "name the file that the link leads to, or another output"
	}
	return "remove the other links, or write the result to another file"
}

// checkLinks refuses to replace a file in place through a symbolic link and, if
// single is true, one that has other hard links.
func checkLinks(path string, single bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return &LinkedError{Path: path, Target: target}
	}
	if n := hardLinks(info); single && n > 1 {
		return &LinkedError{Path: path, Links: n}
	}
	return nil
}
