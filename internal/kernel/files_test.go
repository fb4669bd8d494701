package kernel

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams/internal/doctest"
)

// TestFiles checks the file maps of this package and of those below it.
func TestFiles(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "internal" || d.Name() == "testdata" {
			return fs.SkipDir
		}
		t.Run(path, func(t *testing.T) { doctest.Files(t, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
