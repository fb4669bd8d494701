// Package shared finds the reference data that lies beside a checkout of the
// project for its developers. Tests that need it are skipped where it is absent.
package shared

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

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
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	path = filepath.Join(append([]string{root}, elem...)...)
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
