package batch

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
	"unicode"

	"github.com/advparams/advparams/internal/hint"
)

// place is what output patterns may refer to.
type place struct {
	Dir  string // folder of the model, relative to the manifest's where it is below it, else absolute
	Name string // file name
	Stem string // file name without extension
	Ext  string // extension, with the dot
}

// expand returns the absolute path that a pattern stands for. What the model's
// path puts into it does not lead out of the folder that the pattern itself
// names before its first {{, or, when it names none, out of the manifest's or
// the model's folder.
func (m *Manifest) expand(name, pattern, model string) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(pattern)
	if err != nil {
		return "", fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "template: "))
	}
	p := place{Dir: filepath.Dir(model), Name: filepath.Base(model), Ext: filepath.Ext(model)}
	p.Stem = strings.TrimSuffix(p.Name, p.Ext)
	if rel, err := filepath.Rel(filepath.Dir(m.path), p.Dir); err == nil && filepath.IsLocal(rel) {
		p.Dir = rel
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", hint.With(fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "template: ")), "there are {{.Dir}}, {{.Name}}, {{.Stem}} and {{.Ext}}")
	}
	text := b.String()
	if text == "" || strings.ContainsFunc(text, unicode.IsControl) || strings.HasSuffix(text, "/") {
		return "", fmt.Errorf("%s: %q is not the name of a file", name, text)
	}
	path := m.abs(text)
	literal, _, templated := strings.Cut(pattern, "{{")
	roots := []string{filepath.Dir(m.path), filepath.Dir(model)}
	switch i := strings.LastIndex(literal, "/"); {
	case !templated:
		return path, nil
	case i == 0:
		roots = []string{string(filepath.Separator)}
	case i > 0:
		roots = []string{m.abs(literal[:i])}
	}
	for _, root := range roots {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) && rel != "." {
			return path, nil
		}
	}
	return "", hint.With(fmt.Errorf("%s: %s leads out of %s", name, text, roots[0]), "use {{.Stem}} alone, or write the folder into the pattern")
}
