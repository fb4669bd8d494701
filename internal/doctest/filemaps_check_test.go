package doctest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	const documented = "// Package p does.\n//\n// # Files\n//\n"
	for _, c := range []struct {
		name, fileMap string
		want          []string
	}{
		{"complete", "//\ta.go  one\n//\tdoc.go  this\n//\tsub/  more\n", nil},
		{"a file left out", "//\tdoc.go  this\n", []string{"a.go is not listed"}},
		{"a file that was deleted", "//\ta.go  one\n//\tb.go  two\n//\tdoc.go  this\n", []string{"b.go is listed, but does not exist"}},
		{"a test", "//\ta.go  one\n//\ta_test.go  tests\n//\tdoc.go  this\n", []string{"a_test.go is listed, but does not exist"}},
		{"a folder that was deleted", "//\ta.go  one\n//\tdoc.go  this\n//\tgone/  more\n", []string{"gone/ is listed, but is not a folder"}},
		{"twice", "//\ta.go  one\n//\ta.go  one\n//\tdoc.go  this\n", []string{"a.go is listed twice"}},
		{"no description", "//\ta.go\n//\tdoc.go  this\n", []string{"a.go is listed without a description"}},
		{"prose", "//\ta.go  one\n//\tdoc.go  this\n//\n// And more.\n", []string{`"And more." in the file map is not indented`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"doc.go": documented + c.fileMap + "package p\n", "a.go": "package p\n", "a_test.go": "package p\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			got, err := check(dir)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("problems %q, error %v; want %q", got, err, c.want)
			}
		})
	}
	if _, err := check(t.TempDir()); err == nil {
		t.Error("no error where there is no file map")
	}
}
