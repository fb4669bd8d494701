// Package doctest checks documentation against the code: file maps, the table of imports,
// links, names of files and identifiers, make targets and examples. It has tests only.
package doctest

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A package of many files ends its documentation with a file map, a section of one line
// a file:
//
//	// # Files
//	//
//	//	op.go       the operator
//	//	kernel.go   what a kernel can do
//	//	internal/   folders may be listed too

// manyFiles is the number of files, tests aside, from which on a package has a file map.
const manyFiles = 10

// TestFileMaps: file maps list every file that is not a test, once and with a description,
// and nothing that does not exist. The root package has none: its documentation is for
// users, and CONTRIBUTING.md lists its files.
func TestFileMaps(t *testing.T) {
	count, mapped := map[string]int{}, map[string]bool{}
	for _, name := range files(t, ".go") {
		if folder := path.Dir(name); !strings.HasSuffix(name, "_test.go") && inModule(name) && folder != "." {
			count[folder]++
			mapped[folder] = mapped[folder] || strings.Contains(read(t, name), "\n// "+heading)
		}
	}
	checked := 0
	for folder, n := range count {
		if n < manyFiles && !mapped[folder] && (!under(folder, "internal/kernel") || under(folder, "internal/kernel/internal")) {
			continue
		}
		checked++
		problems, err := check(filepath.Join(root, folder))
		if err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		for _, p := range problems {
			t.Errorf("package documentation of %s: %s", folder, p)
		}
	}
	if checked < 20 {
		t.Errorf("only %d packages have a file map", checked)
	}
}

// heading begins the file map in a documentation comment.
const heading = "# Files\n"

// check returns what is wrong with the file map of the package in dir.
func check(dir string) (problems []string, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	text, err := fileMap(names)
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for line := range strings.Lines(text) {
		line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		if line == "" {
			continue
		}
		name, description, _ := strings.Cut(line, " ")
		switch path := filepath.Join(dir, name); {
		case !indented:
			problems = append(problems, fmt.Sprintf("%q in the file map is not indented", line))
		case listed[name]:
			problems = append(problems, name+" is listed twice")
		case strings.TrimSpace(description) == "":
			problems = append(problems, name+" is listed without a description")
		case strings.HasSuffix(name, "/"):
			if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
				problems = append(problems, name+" is listed, but is not a folder")
			}
		case !slices.Contains(names, path):
			problems = append(problems, name+" is listed, but does not exist")
		}
		listed[name] = true
	}
	for _, path := range names {
		if name := filepath.Base(path); !listed[name] {
			problems = append(problems, name+" is not listed")
		}
	}
	return problems, nil
}

// fileMap returns the text below the heading in the documentation of a package,
// whose files are given.
func fileMap(names []string) (string, error) {
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if _, text, ok := strings.Cut(f.Doc.Text(), heading); ok {
			return text, nil
		}
	}
	return "", errors.New("no section \"# Files\" in the package documentation")
}
