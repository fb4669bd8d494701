package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	span       = regexp.MustCompile("`([^`\n]+)`")
	fileName   = regexp.MustCompile(`^[a-z0-9_*]+\.go$`)
	pathName   = regexp.MustCompile(`^[A-Za-z0-9_.*-]+(/[A-Za-z0-9_.*-]+)*/?$`)
	qualified  = regexp.MustCompile(`^([A-Za-z]\w*)\.([A-Z]\w*)(\(\))?$`)
	definedIn  = regexp.MustCompile("`(\\w+)` in `([^`]+\\.go)`")
	makeTarget = regexp.MustCompile("`make( -C bench)?((?: [a-z0-9-]+)+)")
)

// TestNamedFiles looks for the files and folders that documents name. A path counts
// from the root; testdata may be that of any package. A bare Go file lies in the
// folder that was named last on the same line, or anywhere if there is none.
func TestNamedFiles(t *testing.T) {
	goFiles := map[string]bool{}
	for _, name := range files(t, ".go") {
		goFiles[path.Base(name)] = true
	}
	for _, document := range documents(t) {
		checked := 0
		for _, line := range strings.Split(fence.ReplaceAllString(read(t, document), ""), "\n") {
			folder := ""
			for _, m := range span.FindAllStringSubmatch(line, -1) {
				name := m[1]
				switch {
				case fileName.MatchString(name):
					if folder != "" && !exists(folder+"/"+name) || !anyMatch(name, goFiles) {
						t.Errorf("%s names %s, which is not there: %s", document, path.Join(folder, name), line)
					}
				case pathName.MatchString(name) && rooted(name):
					if !exists(name) && !(strings.HasPrefix(name, "testdata/") && exists("*/"+name)) {
						t.Errorf("%s names %s, which does not exist: %s", document, name, line)
						continue
					}
					folder = strings.TrimSuffix(name, "/")
					if path.Ext(folder) != "" {
						folder = path.Dir(folder)
					}
				default:
					continue
				}
				checked++
			}
		}
		if document == "CONTRIBUTING.md" && checked < 20 {
			t.Errorf("only %d names of files were found in %s", checked, document)
		}
	}
}

// anyMatch reports whether a pattern matches one of the names.
func anyMatch(pattern string, names map[string]bool) bool {
	for name := range names {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return false
}

// rooted reports whether a name begins with a folder of the repository and says
// more, or ends with a slash.
func rooted(name string) bool {
	first, _, more := strings.Cut(name, "/")
	return more && exists(first) && first != "." && first != ".." && !strings.ContainsAny(first, "*")
}

// TestNamedIdentifiers looks for what documents write as package.Identifier or
// Type.Member.
func TestNamedIdentifiers(t *testing.T) {
	packages, members := declarations(t)
	for _, document := range []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/method.md", "docs/performance.md"} {
		for _, m := range span.FindAllStringSubmatch(fence.ReplaceAllString(read(t, document), ""), -1) {
			q := qualified.FindStringSubmatch(m[1])
			if q == nil {
				continue
			}
			if names, ours := packages[q[1]]; ours {
				if !names[q[2]] {
					t.Errorf("%s names %s, which package %s does not declare", document, m[1], q[1])
				}
			} else if names, ours := members[q[1]]; ours && !names[q[2]] {
				t.Errorf("%s names %s, but %s has no such field or method", document, m[1], q[1])
			}
		}
	}
}

// TestNamedFunctions looks for the functions that documents place in a file, as in
// "`open` in `dataset/dataset.go`".
func TestNamedFunctions(t *testing.T) {
	checked := 0
	for _, document := range documents(t) {
		for _, m := range definedIn.FindAllStringSubmatch(read(t, document), -1) {
			checked++
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, m[2]), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("%s: %v", document, err)
				continue
			}
			if !slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
				function, ok := d.(*ast.FuncDecl)
				return ok && function.Name.Name == m[1]
			}) {
				t.Errorf("%s places %s in %s, which does not declare it", document, m[1], m[2])
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d functions were found, where CONTRIBUTING.md alone has more", checked)
	}
}

// declarations returns the top-level names of each package, by its name, and the
// fields and methods of each type, by its name.
func declarations(t *testing.T) (packages, members map[string]map[string]bool) {
	t.Helper()
	packages, members = map[string]map[string]bool{}, map[string]map[string]bool{}
	fset := token.NewFileSet()
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || !inModule(name) {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(packages, f.Name.Name, d.Name)
				} else if receiver := typeName(d.Recv.List[0].Type); receiver != nil {
					add(members, receiver.Name, d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						add(packages, f.Name.Name, s.Names...)
					case *ast.TypeSpec:
						add(packages, f.Name.Name, s.Name)
						switch body := s.Type.(type) {
						case *ast.StructType:
							for _, field := range body.Fields.List {
								add(members, s.Name.Name, field.Names...)
								if id := typeName(field.Type); len(field.Names) == 0 && id != nil {
									add(members, s.Name.Name, id)
								}
							}
						case *ast.InterfaceType:
							for _, method := range body.Methods.List {
								add(members, s.Name.Name, method.Names...)
							}
						}
					}
				}
			}
		}
	}
	return packages, members
}

func add(to map[string]map[string]bool, key string, names ...*ast.Ident) {
	if to[key] == nil {
		to[key] = map[string]bool{}
	}
	for _, n := range names {
		to[key][n.Name] = true
	}
}

// typeName is the name of a type behind pointers, qualifiers and type parameters.
func typeName(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return nil
}

// TestMakeTargets looks for the targets of make that documents name, and for those
// that no help text describes.
func TestMakeTargets(t *testing.T) {
	targets := map[string]string{"": read(t, "Makefile"), " -C bench": read(t, "bench/Makefile")}
	for _, document := range documents(t) {
		for _, m := range makeTarget.FindAllStringSubmatch(read(t, document), -1) {
			for _, target := range strings.Fields(m[2]) {
				if !strings.Contains(targets[m[1]], "\n"+target+":") {
					t.Errorf("%s names %s of make%s, which is no target", document, target, m[1])
				}
			}
		}
	}
	for where, text := range targets {
		phony := regexp.MustCompile(`(?m)^\.PHONY:(.*)$`).FindStringSubmatch(text)
		if phony == nil {
			t.Fatalf("make%s has no .PHONY", where)
		}
		for _, target := range strings.Fields(phony[1]) {
			if target != "program" && !strings.Contains(text, "\n"+target+": ") {
				t.Errorf("make%s: %s is phony, but no target", where, target)
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):(.*)$`).FindAllStringSubmatch(text, -1) {
			if m[1] != "program" && !strings.Contains(m[2], " ## ") {
				t.Errorf("make%s: %s has no help text", where, m[1])
			}
			if !strings.Contains(phony[1]+" ", " "+m[1]+" ") {
				t.Errorf("make%s: %s is not in .PHONY", where, m[1])
			}
		}
	}
}
