// Package shared finds the reference data that lies beside a checkout of the
// project for its developers. Tests that need it are skipped where it is absent.
package shared

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// root is the folder of the repository, "" if there is none. It is looked for from the
// folder that the tests of a package start in, because paths that the compiler
// records are not those of files where it is told -trimpath.
var root = func() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "internal", "shared", "shared.go")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}()

// Repository returns the path of a file or folder of the repository.
func Repository(elem ...string) string {
	return filepath.Join(append([]string{root}, elem...)...)
}

// Path returns the path of a file or folder in the shared folder beside the
// repository, or skips the test.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path, here := Find(elem...)
	if !here {
		t.Skipf("reference data ../shared/%s is not here", filepath.Join(elem...))
	}
	return path
}

// Find is Path for tests that can do without: it reports whether the file or
// folder is there.
func Find(elem ...string) (path string, here bool) {
	path = filepath.Join(append([]string{root, "..", "shared"}, elem...)...)
	_, err := os.Stat(path)
	return path, err == nil
}

// Unpack unpacks a .tar.xz archive of the shared folder into a temporary folder,
// or skips the test where tar or xz is missing.
func Unpack(t testing.TB, archive string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("tar", "-xJf", archive, "-C", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot unpack %s: %v %s", archive, err, out)
	}
	return dir
}
