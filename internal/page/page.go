// Package page has what the HTML reports share. A report is one file that loads nothing.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
)

//go:embed style.css
var style string

// Style returns the style sheet, for the element <style>. It has light and dark colours, and
// rules for phones and for print.
func Style() template.CSS { return template.CSS("\n" + style) }

// Percent writes a share as a percentage.
func Percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

// Scale writes the length of a bar that is width units long for a share of 1.
func Scale(x, width float64) string { return fmt.Sprintf("%.1f", x*width) }
