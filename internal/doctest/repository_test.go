package doctest

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write generated parts of documents again")

// root is the repository's folder, relative to this package's.
const root = "../.."

const modulePath = "github.com/advparams/advparams"

// read returns a file of the repository by its path from the root.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
}

// exists reports whether a path from the root, or a pattern, names something.
func exists(pattern string) bool {
	found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	return err == nil && len(found) > 0
}

// leaves are folders that make targets and npm leave.
var leaves = map[string]bool{"bin": true, "demo": true, "node_modules": true}

// files returns the paths from the root of all files whose names have a suffix.
// Hidden folders and leaves are left out.
func files(t *testing.T, suffix string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".github" || leaves[name]) {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, suffix) {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			all = append(all, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no file's name ends with %s", suffix)
	}
	return all
}

// inModule reports whether a file belongs to the main module, and not to one of the
// modules in its folders or to test data.
func inModule(path string) bool {
	dir := filepath.ToSlash(filepath.Dir(path))
	if strings.Contains("/"+dir+"/", "/testdata/") {
		return false
	}
	for ; dir != "."; dir = filepath.ToSlash(filepath.Dir(dir)) {
		if exists(dir + "/go.mod") {
			return false
		}
	}
	return true
}

// documents returns the Markdown files that describe the repository as it is. The
// changelog tells what was.
func documents(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(files(t, ".md"), func(name string) bool { return name == "CHANGELOG.md" })
}
