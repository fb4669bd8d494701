package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestExported: everything exported is explained, by a comment of its own, behind it or above its
// group. Methods of well-known interfaces need none.
func TestExported(t *testing.T) {
	fset := token.NewFileSet()
	checked := 0
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || !inModule(name) {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(f) || f.Name.Name == "main" {
			continue
		}
		missing := func(id *ast.Ident, docs ...*ast.CommentGroup) {
			if !id.IsExported() {
				return
			}
			checked++
			for _, d := range docs {
				if d != nil && strings.TrimSpace(d.Text()) != "" {
					return
				}
			}
			t.Errorf("%s: %s is not explained", fset.Position(id.Pos()), id.Name)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || exportedType(d.Recv.List[0].Type) && !wellKnown[d.Name.Name] {
					missing(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				var above *ast.CommentGroup // which explains the lines below it, too
				last := 0
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						missing(s.Name, s.Doc, s.Comment, d.Doc)
					case *ast.ValueSpec:
						if s.Doc != nil || fset.Position(s.Pos()).Line != last+1 {
							above = s.Doc
						}
						last = fset.Position(s.End()).Line
						for _, id := range s.Names {
							missing(id, above, s.Comment, d.Doc)
						}
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Error("nothing is exported")
	}
}

// wellKnown are the methods of error, fmt.Stringer and pflag.Value, and Unwrap.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true, "String": true, "Type": true, "Set": true}

func exportedType(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StarExpr:
		return exportedType(e.X)
	case *ast.IndexExpr:
		return exportedType(e.X)
	case *ast.IndexListExpr:
		return exportedType(e.X)
	case *ast.Ident:
		return e.IsExported()
	}
	return false
}
