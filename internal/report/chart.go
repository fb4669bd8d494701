package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Charts are drawn in colours that stand for those of the style sheet, so that they follow
// light and dark. A point of gonum/plot is a pixel of the page.
var (
	ink    = color.RGBA{1, 1, 1, 255}
	soft   = color.RGBA{2, 2, 2, 255}
	grid   = color.RGBA{3, 3, 3, 255}
	before = color.RGBA{4, 4, 4, 255}
	after  = color.RGBA{5, 5, 5, 255}
	paper  = color.RGBA{7, 7, 7, 255}
	names  = map[string]string{"#010101": "var(--ink)", "#020202": "var(--soft)", "#030303": "var(--line)", "#040404": "var(--before)", "#050505": "var(--after)", "#070707": "var(--card)"}
)

// shade returns the colour of a cell: before or after, more opaque for a larger share.
func shade(of color.RGBA, share float64) color.RGBA {
	return color.RGBA{of.R, 255, uint8(255 * min(1, max(0, share))), 255}
}

// chartWidth is that of a chart in pixels. It fits on a phone, so that text is never scaled.
const chartWidth = 324

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// newChart returns an empty chart with axes in the style of the page.
func newChart(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Label.TextStyle.Color, a.Tick.Label.Color = soft, soft, ink
		a.LineStyle.Color, a.Tick.LineStyle.Color = grid, grid
		a.Label.TextStyle.Font, a.Tick.Label.Font = sans, sans
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size = 11, 11
		a.Label.Padding, a.Padding = 3, 0
		a.Tick.Length = 3
	}
	return p
}

// rowsOf returns an empty chart of rows, without an axis on the left.
func rowsOf() *plot.Plot {
	p := newChart("", "")
	p.HideY()
	p.Y.Padding = 16 // for half of the first tick's label
	return p
}

var (
	fontStyle = regexp.MustCompile(`font-family:[^;]*;font-variant:normal;font-weight:normal;font-style:normal;`)
	hexColour = regexp.MustCompile(`(fill|stroke):(#[0-9A-F]{6})`)
)

// svg draws a chart with a title and a description for people who do not see it.
func svg(p *plot.Plot, width, height float64, title, description string) (template.HTML, error) {
	c := vgsvg.New(vg.Length(width), vg.Length(height))
	p.Draw(draw.Crop(draw.New(c), p.Y.Padding, -14, 2, -4))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", err
	}
	_, body, ok := strings.Cut(b.String(), "<g ")
	if !ok {
		return "", fmt.Errorf("the chart %q has no content", title)
	}
	body = fontStyle.ReplaceAllString("<g "+body, "")
	body = hexColour.ReplaceAllStringFunc(body, colour)
	return template.HTML(fmt.Sprintf(`<svg role="img" width="%g" height="%g" viewBox="0 0 %g %g"><title>%s</title><desc>%s</desc>%s`,
		width, height, width, height, template.HTMLEscapeString(title), template.HTMLEscapeString(description), body)), nil
}

// colour replaces a colour by that of the style sheet.
func colour(style string) string {
	property, hex, _ := strings.Cut(style, ":")
	if name, ok := names[hex]; ok {
		return property + ":" + name
	}
	var r, g, b uint8
	if _, err := fmt.Sscanf(hex, "#%02X%02X%02X", &r, &g, &b); err == nil && g == 255 {
		name := names[fmt.Sprintf("#%02X%02X%02X", r, r, r)]
		if name != "" {
			return fmt.Sprintf("%s:%s;%s-opacity:%.2f", property, name, property, float64(b)/255)
		}
	}
	return style
}
