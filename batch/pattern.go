package batch

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
	syntax "text/template/parse"
	"unicode"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/wire"
)

// place has the fields that output patterns may refer to.
type place struct {
	// Bucket is the URL of the model's bucket; "" for files.
	Bucket string
	// Dir is the folder of the model: relative to the folder of the manifest if it
	// lies below that, or else absolute, or relative to the bucket.
	Dir  string
	Name string // file name
	Stem string // file name without extension
	Ext  string // extension, with the dot
}

// place returns the fields for a model.
func (m *Manifest) place(model string) place {
	p := place{Dir: dirOf(model), Name: baseOf(model), Ext: filepath.Ext(model)}
	p.Stem = strings.TrimSuffix(p.Name, p.Ext)
	if objects.IsURL(model) {
		p.Bucket, _ = objects.Split(model)
		p.Dir = strings.TrimPrefix(strings.TrimPrefix(p.Dir, p.Bucket), "/")
	}
	if rel, ok := relPath(dirOf(m.path), dirOf(model)); ok {
		p.Dir = rel
	}
	return p
}

// patterns returns the patterns of output, key and report for a model. By default,
// outputs lie beside the model, and key and report beside the output.
func (m *Manifest) patterns(e *entry, model string) (output, key, report string) {
	if output = e.Output; output == "" {
		output = "{{.Dir}}/{{.Stem}}.locked.onnx"
		if _, below := relPath(dirOf(m.path), dirOf(model)); !below && objects.IsURL(model) {
			output = "{{.Bucket}}/" + output
		}
	}
	stem := strings.TrimSuffix(output, ".onnx")
	if key = e.Key; key == "" {
		key = stem + ".key"
	}
	switch {
	case !e.does(wire.StepVerify):
	case e.Report == nil:
		report = stem + ".html"
	default:
		report = *e.Report
	}
	return output, key, report
}

// fields tells which fields there are.
const fields = "there are {{.Dir}}, {{.Name}}, {{.Stem}}, {{.Ext}} and {{.Bucket}}"

// onlyFields makes sure that a template has nothing but text and fields. Loops, calls
// and widths of numbers could take any time and any memory.
func onlyFields(t *template.Template) error {
	for _, n := range t.Root.Nodes {
		switch n := n.(type) {
		case *syntax.TextNode, *syntax.CommentNode:
			continue
		case *syntax.ActionNode:
			if len(n.Pipe.Decl) == 0 && len(n.Pipe.Cmds) == 1 && len(n.Pipe.Cmds[0].Args) == 1 {
				if _, ok := n.Pipe.Cmds[0].Args[0].(*syntax.FieldNode); ok {
					continue
				}
			}
		}
		return fmt.Errorf("%s is more than the name of a field", n)
	}
	return nil
}

// expand returns the absolute path that a pattern stands for. The parts that come
// from the path of the model must not lead out of the folder that the pattern names
// before its first {{. If it names none, they must not lead out of the folders of
// the manifest and of the model.
func (m *Manifest) expand(name, pattern, model string) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(pattern)
	if err != nil {
		return "", fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "template: "))
	}
	if err := onlyFields(t); err != nil {
		return "", advise(fmt.Errorf("%s: %w", name, err), fields)
	}
	p := m.place(model)
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", advise(fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "template: ")), fields)
	}
	text := b.String()
	if text == "" || strings.ContainsFunc(text, unicode.IsControl) || strings.HasSuffix(text, "/") {
		return "", fmt.Errorf("%s: %q is not the name of a file", name, text)
	}
	path := m.abs(text)
	if objects.IsURL(path) {
		if err := objects.Check(path); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	literal, _, templated := strings.Cut(pattern, "{{")
	roots := []string{dirOf(m.path), dirOf(model)}
	switch i := strings.LastIndex(literal, "/"); {
	case !templated:
		return path, nil
	case strings.HasPrefix(pattern, "{{.Bucket}}") && p.Bucket != "":
		roots = []string{p.Bucket}
	case i == 0:
		roots = []string{string(filepath.Separator)}
	case i > 0:
		roots = []string{m.abs(literal[:i])}
	}
	for _, root := range roots {
		if rel, ok := relPath(root, path); ok && rel != "." {
			return path, nil
		}
	}
	return "", advise(fmt.Errorf("%s: %s leads out of %s", name, text, roots[0]), "use {{.Stem}} alone, or write the folder into the pattern")
}
