// Package report writes the results of a run as one HTML page that loads nothing. The page
// has light and dark colours, and rules for phones and for print. The module in browser/
// looks at pages in Chromium.
//
// # Files
//
//	report.go   Write; what a page is made of
//	figures.go  numbers, looked up in the result as JSON
//	words.go    sentences, names and marks
//	chart.go    charts by gonum/plot as SVG
//	charts.go   what each chart shows
//	grids.go    charts drawn cell by cell
package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"

	"github.com/advparams/advparams/verify"
	"github.com/advparams/advparams/verify/attack"
)

//go:embed *.html style.css
var files embed.FS

// Kind is what a page reports.
type Kind string

// Kinds of pages.
const (
	Lock         Kind = "lock"
	Verification Kind = "verification"
	Attack       Kind = "attack"
)

// Page is what a report is made of.
type Page struct {
	Kind Kind
	// Result is what the command prints as JSON. It contains Evidence as "evidence", and
	// every number of the page.
	Result   any
	Evidence *verify.Evidence
	Attacks  *attack.Report // for the kind Attack
	Failed   []string       // limits that were set and not kept, for the kind Verification
}

// Style returns the style sheet, for the element <style>.
func Style() template.CSS {
	text, err := files.ReadFile("style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return template.CSS("\n" + string(text))
}

// Write writes a page, all at once.
func Write(w io.Writer, p Page) error {
	f, err := newFigures(p.Result)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	v := &view{Page: p, figures: f}
	t, err := template.New("").Funcs(template.FuncMap{
		"style": Style, "figure": f.figure, "metric": f.metric, "has": f.has, "is": f.is,
		"path": func(format string, args ...any) string { return fmt.Sprintf(format, args...) },
		"png":  pngURL, "class": v.className, "width": func(x float64) template.CSS { return template.CSS(fmt.Sprintf("width:%.1f%%", 100*x)) },
		"place": place, "dict": dict,
		"static": func(s string) template.HTML {
			return template.HTML(`<span class="static">` + template.HTMLEscapeString(s) + `</span>`)
		},
	}).ParseFS(files, "*.html")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err = t.ExecuteTemplate(&b, "page.html", v); err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
