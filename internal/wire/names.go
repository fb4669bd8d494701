package wire

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// Name is the name under which people know a staged file or folder: the URL that
// it is a copy of.
type Name struct {
	Path string `json:"path"`
	Name string `json:"name"`
}

// Names are the names of staged files and folders.
type Names []Name

// Of returns the name of a path, which is the path itself unless the file, or a
// folder it lies in, is staged.
func (n Names) Of(path string) string {
	for _, one := range n.longestFirst() {
		if path == one.Path {
			return one.Name
		}
		if rest, ok := strings.CutPrefix(path, one.Path+string(filepath.Separator)); ok {
			return one.Name + "/" + filepath.ToSlash(rest)
		}
	}
	return path
}

// In puts names in the place of paths in a message for people. The libraries
// that word messages know files by their paths only.
func (n Names) In(message string) string {
	for _, one := range n.longestFirst() {
		message = strings.ReplaceAll(message, one.Path, one.Name)
	}
	return message
}

// longestFirst keeps a folder from being taken for another whose path it begins
// with.
func (n Names) longestFirst() Names {
	return slices.SortedStableFunc(slices.Values(n), func(a, b Name) int { return cmp.Compare(len(b.Path), len(a.Path)) })
}
