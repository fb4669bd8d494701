package batch

import (
	"path/filepath"

	"github.com/advparams/advparams/batch/objects"
)

// A path is one of a file, or the URL of an object.

func dirOf(path string) string {
	if objects.IsURL(path) {
		return objects.Dir(path)
	}
	return filepath.Dir(path)
}

func baseOf(path string) string {
	if objects.IsURL(path) {
		return objects.Base(path)
	}
	return filepath.Base(path)
}

// joined returns the path of something below a folder; name has slashes.
func joined(folder, name string) string {
	if objects.IsURL(folder) {
		return objects.Join(folder, name)
	}
	return filepath.Join(folder, filepath.FromSlash(name))
}

// relPath returns the path of something relative to a folder that it is below,
// or ".".
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
