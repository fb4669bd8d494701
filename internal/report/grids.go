package report

import (
	"fmt"
	"html/template"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/advparams/advparams/verify"
)

type colourOf = color.RGBA

// stroke draws a line.
func stroke(c *draw.Canvas, col colourOf, width vg.Length, dashes []vg.Length, x1, y1, x2, y2 vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: col, Width: width, Dashes: dashes}, x1, y1, x2, y2)
}

// fill draws a rectangle.
func fill(c *draw.Canvas, col colourOf, x1, y1, x2, y2 vg.Length) {
	c.FillPolygon(col, []vg.Point{{X: x1, Y: y1}, {X: x2, Y: y1}, {X: x2, Y: y2}, {X: x1, Y: y2}})
}

// dot draws a point.
func dot(c *draw.Canvas, col colourOf, x, y, radius vg.Length) {
	c.DrawGlyph(draw.GlyphStyle{Color: col, Radius: radius, Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
}

// bar is a model in a chart: its name above a bar.
type bar struct {
	At        float64
	Name      string
	Length    float64
	Low, High *float64 // an interval
	Mark      *float64 // the value of a useless model
	Colour    colourOf
}

// Plot implements plot.Plotter.
func (b bar) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	middle := y(b.At) - 7
	label(&c, ink, c.Min.X, middle+18, 0, b.Name)
	fill(&c, b.Colour, x(max(0, p.X.Min)), middle-7, max(x(b.Length), x(max(0, p.X.Min))+1), middle+7)
	if b.Low != nil && b.High != nil {
		stroke(&c, ink, 1.5, nil, x(*b.Low), middle, x(*b.High), middle)
		for _, end := range []float64{*b.Low, *b.High} {
			stroke(&c, ink, 1.5, nil, x(end), middle-4, x(end), middle+4)
		}
	}
	if b.Mark != nil {
		stroke(&c, ink, 1.5, []vg.Length{4, 3}, x(*b.Mark), middle-10, x(*b.Mark), middle+10)
	}
}

// dumbbell is an attack: where it comes from the locked weights, and from nothing.
type dumbbell struct {
	At      float64
	Name    string
	Reached float64
	Nothing *float64
	Best    bool
}

// Plot implements plot.Plotter.
func (d dumbbell) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	middle := y(d.At) - 6
	name := d.Name
	if d.Best {
		name += " (best)"
	}
	fill(&c, paper, c.Min.X-1, middle+7, c.Min.X+7*vg.Length(len(name)), middle+20) // above the zero line
	label(&c, ink, c.Min.X, middle+13, 0, name)
	if d.Nothing != nil {
		stroke(&c, soft, 1.5, nil, x(*d.Nothing), middle, x(d.Reached), middle)
		dot(&c, before, x(*d.Nothing), middle, 5.5)
		dot(&c, paper, x(*d.Nothing), middle, 3.5)
	}
	dot(&c, after, x(d.Reached), middle, 4)
}

// upright is a dashed line at a value.
type upright struct{ X float64 }

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	stroke(&c, ink, 1.5, []vg.Length{4, 3}, x(u.X), c.Min.Y, x(u.X), c.Max.Y)
}

// bins is a histogram: values before as bars, those of the locked model as an outline where
// many differ, and changed values as marks where few do.
type bins struct{ *verify.Histogram }

// Plot implements plot.Plotter.
func (b bins) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	height := float64(most(b.Before, b.Locked))
	at := func(i int) vg.Length {
		return x(b.Low + (b.High-b.Low)*float64(i)/float64(len(b.Before)))
	}
	for i, n := range b.Before {
		if n > 0 {
			fill(&c, before, at(i)+0.5, y(0), at(i+1)-0.5, max(y(float64(n)/height), y(0)+1))
		}
	}
	if len(b.Values) == 0 {
		var line []vg.Point
		for i, n := range b.Locked {
			h := y(float64(n) / height)
			line = append(line, vg.Point{X: at(i), Y: h}, vg.Point{X: at(i + 1), Y: h})
		}
		c.StrokeLines(draw.LineStyle{Color: after, Width: 2}, line)
		return
	}
	for _, v := range b.Values {
		stroke(&c, after, 2, nil, x(v), y(0), x(v), y(1)+4)
		dot(&c, after, x(v), y(1)+5, 4)
	}
}

// cells is a confusion matrix: a row for each label, from the top, and a column for each
// answer.
type cells struct {
	counts [][]int
	colour colourOf
}

// Plot implements plot.Plotter.
func (m cells) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	n := len(m.counts)
	for label, row := range m.counts {
		all := 0
		for _, k := range row {
			all += k
		}
		for answer, k := range row {
			if k == 0 {
				continue
			}
			top := float64(n - label)
			fill(&c, shade(m.colour, 0.08+0.92*float64(k)/float64(all)), x(float64(answer)), y(top-1), x(float64(answer+1)), y(top))
		}
	}
	for i := range n + 1 {
		if i == 0 || i == n || n <= 20 {
			stroke(&c, grid, 0.75, nil, x(float64(i)), y(0), x(float64(i)), y(float64(n)))
			stroke(&c, grid, 0.75, nil, x(0), y(float64(i)), x(float64(n)), y(float64(i)))
		}
	}
}

// matrix draws a confusion matrix.
func (v *view) matrix(counts [][]int, of string, col colourOf) (template.HTML, error) {
	n := len(counts)
	p := newChart("answer", "label")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(n), 0, float64(n)
	var across, down plot.ConstantTicks
	step := max(1, (n+9)/10)
	right, all := 0, 0
	for i := range n {
		if i%step == 0 {
			across = append(across, plot.Tick{Value: float64(i) + 0.5, Label: fmt.Sprint(i)})
			down = append(down, plot.Tick{Value: float64(n-i) - 0.5, Label: fmt.Sprint(i)})
		}
		right += counts[i][i]
		for _, k := range counts[i] {
			all += k
		}
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = across, down
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	p.X.LineStyle.Width, p.Y.LineStyle.Width = 0, 0
	p.Add(cells{counts, col})
	return svg(p, chartWidth, chartWidth, "Confusion matrix of the "+of+" model",
		fmt.Sprintf("%d of %d on the diagonal. A row for each label, a column for each answer; the table below has the counts.", right, all))
}

// OriginalMatrix and LockedMatrix draw the confusion matrices.
func (v *view) OriginalMatrix() (template.HTML, error) {
	return v.matrix(v.Evidence.Confusion.Original, "original", before)
}

// LockedMatrix draws that of the locked model.
func (v *view) LockedMatrix() (template.HTML, error) {
	return v.matrix(v.Evidence.Confusion.Locked, "locked", after)
}
