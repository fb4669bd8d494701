package doctest

import (
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExamples checks every paragraph of a document that speaks of examples: the
// packages that it names have examples that run.
func TestExamples(t *testing.T) {
	runnable := map[string]bool{}
	fset := token.NewFileSet()
	for _, name := range files(t, "_test.go") {
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range doc.Examples(f) {
			if e.Output != "" || e.EmptyOutput {
				runnable[path.Dir(name)] = true
			}
		}
	}
	all := units(t)
	checked := 0
	for _, document := range []string{"README.md", "docs/architecture.md"} {
		for _, paragraph := range strings.Split(fence.ReplaceAllString(read(t, document), ""), "\n\n") {
			if !strings.Contains(paragraph, "examples") {
				continue
			}
			for _, m := range span.FindAllStringSubmatch(paragraph, -1) {
				folder := m[1]
				if folder == "advparams" {
					folder = "."
				}
				if all[folder] == nil {
					continue
				}
				checked++
				if !runnable[folder] {
					t.Errorf("%s speaks of examples of package %s, which has none that run", document, m[1])
				}
			}
		}
	}
	if checked == 0 {
		t.Error("README.md names no package with examples")
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestGoBlocks compiles the programs that documents show. Other Go code in them has
// to consist of lines of compiled examples.
func TestGoBlocks(t *testing.T) {
	lines := map[string]bool{}
	for _, name := range files(t, "_test.go") {
		if !strings.Contains(path.Base(name), "example") {
			continue
		}
		for _, line := range strings.Split(read(t, name), "\n") {
			lines[strings.TrimSpace(line)] = true
		}
	}
	for _, document := range files(t, ".md") {
		for _, block := range goBlock.FindAllStringSubmatch(read(t, document), -1) {
			if strings.HasPrefix(block[1], "package ") {
				compile(t, document, block[1])
				continue
			}
			for _, line := range strings.Split(block[1], "\n") {
				if !lines[strings.TrimSpace(line)] {
					t.Errorf("%s shows Go code that is in no compiled example: %s", document, line)
				}
			}
		}
	}
}

// compile checks a program as a file of the main module.
func compile(t *testing.T, document, program string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	vet := exec.Command("go", "vet", file)
	vet.Dir = root
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("a program in %s does not compile: %v\n%s", document, err, out)
	}
}
