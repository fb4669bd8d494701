// Package page has what the HTML reports share. A report is one file that loads nothing.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed style.css
var style string

// Style returns the style sheet, for the element <style>. It has light and dark colours, and
// rules for phones and for print.
func Style() template.CSS { return template.CSS("\n" + style) }

// Write writes a page at once, whereas a template writes piece by piece.
func Write(w io.Writer, t *template.Template, report any) error {
	var b bytes.Buffer
	err := t.Execute(&b, report)
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Percent writes a share as a percentage.
func Percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

// Scale writes the length of a bar that is width units long for a share of 1.
func Scale(x, width float64) string { return fmt.Sprintf("%.1f", x*width) }
