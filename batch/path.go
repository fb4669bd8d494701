package batch

import (
	"os"
	"path/filepath"

	"github.com/advparams/advparams/batch/objects"
)

// A path names a file, or is the URL of an object.

// dirOf returns the folder of a path.
func dirOf(path string) string {
	if objects.IsURL(path) {
		return objects.Dir(path)
	}
	return filepath.Dir(path)
}

// baseOf returns the last element of a path.
func baseOf(path string) string {
	if objects.IsURL(path) {
		return objects.Base(path)
	}
	return filepath.Base(path)
}

// joined returns the path of name below a folder. The elements of name are separated
// by slashes.
func joined(folder, name string) string {
	if objects.IsURL(folder) {
		return objects.Join(folder, name)
	}
	return filepath.Join(folder, filepath.FromSlash(name))
}

// relPath returns path relative to folder, "." for the folder itself. It reports
// false if path is not below folder.
func relPath(folder, path string) (string, bool) {
	if objects.IsURL(folder) || objects.IsURL(path) {
		if folder == path {
			return ".", true
		}
		return objects.Rel(folder, path)
	}
	rel, err := filepath.Rel(folder, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	if objects.IsURL(a) || objects.IsURL(b) {
		return a == b
	}
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	return erra == nil && errb == nil && os.SameFile(ia, ib)
}

// absolute makes a path absolute. It returns the path itself if the working
// directory is not known.
func absolute(path string) string {
	if objects.IsURL(path) {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
