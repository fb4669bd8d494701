package doctest

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:generate go test -run TestImportTable -update .

const (
	tableFile  = "docs/architecture.md"
	tableBegin = "<!-- import table: made by `go generate ./internal/doctest` -->\n"
	tableEnd   = "<!-- end of import table -->"
)

// unit is a package of the module, without its tests.
type unit struct {
	path     string // from the root; "." is the root
	synopsis string
	imports  []string // of ours, sorted
	testing  bool     // imports testing: a helper for tests
	main     bool
}

// TestImportTable compares the table of docs/architecture.md with the packages.
// With -update it writes the table.
func TestImportTable(t *testing.T) {
	text := read(t, tableFile)
	before, rest, ok := strings.Cut(text, tableBegin)
	old, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", tableFile, tableBegin, tableEnd)
	}
	table := importTable(t, units(t))
	if old == table {
		return
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, tableFile), []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("the table of imports in %s is out of date: run go generate ./internal/doctest\n%s", tableFile, difference(old, table))
}

// TestCommandImports: the command parses flags, calls the root package and prints. It
// imports nothing that touches tensors, samples or keys.
func TestCommandImports(t *testing.T) {
	allowed := []string{
		".", "batch", "batch/objects",
		"models", // for the demo
		"internal/batchstep", "internal/clidoc", "internal/cliflag", "internal/exitcode", "internal/hint", "internal/printable", "internal/terminal", "internal/text", "internal/wire",
	}
	for _, imported := range units(t)["cmd/advparams"].imports {
		if !slices.Contains(allowed, imported) {
			t.Errorf("cmd/advparams imports %s", imported)
		}
	}
}

// TestLayers keeps machinery behind the packages that are there to use it.
func TestLayers(t *testing.T) {
	for _, rule := range []struct {
		of string   // a package, and those below it
		by []string // who may import it, besides these themselves
	}{
		{"internal/kernel", []string{"internal/ops", "gradient"}},
		{"internal/ops", []string{"gradient"}},
		{"cmd", nil},
	} {
		for _, u := range units(t) {
			for _, imported := range u.imports {
				if under(imported, rule.of) && !under(u.path, rule.of) && !slices.ContainsFunc(rule.by, func(by string) bool { return under(u.path, by) }) {
					t.Errorf("%s imports %s, which is for %v only", u.path, imported, rule.by)
				}
			}
		}
	}
}

func under(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// units reads the packages of the module from their sources, those for every
// platform together.
func units(t *testing.T) map[string]*unit {
	t.Helper()
	all := map[string]*unit{}
	fset := token.NewFileSet()
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || !inModule(name) {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ignored(f) {
			continue
		}
		u := all[path.Dir(name)]
		if u == nil {
			u = &unit{path: path.Dir(name), main: f.Name.Name == "main"}
			all[u.path] = u
		}
		if f.Doc != nil {
			u.synopsis = new(doc.Package).Synopsis(f.Doc.Text())
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if p == "testing" {
				u.testing = true
			}
			if ours, ok := strings.CutPrefix(p+"/", modulePath+"/"); ok {
				ours = strings.TrimSuffix(ours, "/")
				if ours == "" {
					ours = "."
				}
				if !slices.Contains(u.imports, ours) {
					u.imports = append(u.imports, ours)
				}
			}
		}
	}
	for _, u := range all {
		slices.Sort(u.imports)
	}
	return all
}

// ignored reports whether a file is in no build.
func ignored(f *ast.File) bool {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if c.Text == "//go:build ignore" {
				return true
			}
		}
	}
	return false
}

// importTable lists the packages, each below all that it imports. Helpers for tests
// and commands other than advparams are left out.
func importTable(t *testing.T, all map[string]*unit) string {
	t.Helper()
	level := map[string]int{}
	var levelOf func(string) int
	levelOf = func(path string) int {
		if l, ok := level[path]; ok {
			return l
		}
		l := 0
		for _, imported := range all[path].imports {
			l = max(l, 1+levelOf(imported))
		}
		level[path] = l
		return l
	}
	var rows []*unit
	for _, u := range all {
		if u.testing || u.main && u.path != "cmd/advparams" {
			continue
		}
		if u.synopsis == "" {
			t.Errorf("package %s has no package comment", u.path)
		}
		levelOf(u.path)
		rows = append(rows, u)
	}
	slices.SortFunc(rows, func(a, b *unit) int {
		if d := level[a.path] - level[b.path]; d != 0 {
			return d
		}
		return strings.Compare(a.path, b.path)
	})
	var w strings.Builder
	w.WriteString("| package | what it does | imports of ours |\n|---|---|---|\n")
	for _, u := range rows {
		imports := "–"
		if len(u.imports) > 0 {
			imports = code(u.imports)
		}
		fmt.Fprintf(&w, "| %s | %s | %s |\n", code([]string{u.path}), purpose(u.synopsis), imports)
	}
	return w.String()
}

// purpose is a synopsis without "Package x" and without what follows a colon.
func purpose(synopsis string) string {
	words := strings.SplitN(synopsis, " ", 3)
	if len(words) == 3 && (words[0] == "Package" || words[0] == "Command") {
		synopsis = words[2]
	}
	synopsis, _, _ = strings.Cut(synopsis, ": ")
	return strings.TrimSuffix(synopsis, ".")
}

func code(paths []string) string {
	var quoted []string
	for _, p := range paths {
		if p == "." {
			p = "advparams"
		}
		quoted = append(quoted, "`"+p+"`")
	}
	return strings.Join(quoted, ", ")
}

// difference lists the lines that only one of two texts has.
func difference(old, new string) string {
	a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
	var w strings.Builder
	for _, line := range a {
		if !slices.Contains(b, line) {
			fmt.Fprintln(&w, "-", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			fmt.Fprintln(&w, "+", line)
		}
	}
	return w.String()
}
