package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/advparams/advparams/verify"
	"github.com/advparams/advparams/verify/attack"
)

// percentTicks are the ticks of an axis of shares.
func percentTicks() plot.ConstantTicks {
	var t plot.ConstantTicks
	for _, x := range []float64{0, 0.25, 0.5, 0.75, 1} {
		t = append(t, plot.Tick{Value: x, Label: fmt.Sprintf("%.0f %%", 100*x)})
	}
	return t
}

// gridLines returns the lines of a grid in the colours of the page.
func gridLines(vertical, horizontal bool) *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = grid, grid
	g.Vertical.Width, g.Horizontal.Width = 0.75, 0.75
	if !vertical {
		g.Vertical.Color = nil
	}
	if !horizontal {
		g.Horizontal.Color = nil
	}
	return g
}

// WorthChart shows the metric that people go by of each model: a bar, its interval, and the
// value of a useless model as a mark.
func (v *view) WorthChart() (template.HTML, error) {
	models := v.Evidence.Models
	if len(models) == 0 {
		return "", nil
	}
	p := rowsOf()
	p.X.Min, p.X.Max = 0, 1
	share := models[0].Metrics[0].Share
	if share {
		p.X.Tick.Marker = percentTicks()
	} else {
		for _, m := range models {
			p.X.Max = max(p.X.Max, m.Metrics[0].Value, m.Metrics[0].Useless)
			p.X.Min = min(p.X.Min, m.Metrics[0].Value)
		}
	}
	p.Add(gridLines(true, false))
	var about []string
	for i, m := range models {
		b := bar{At: float64(len(models) - 1 - i), Name: m.Name, Length: m.Metrics[0].Value, Colour: before}
		if m.Name == "locked" {
			b.Colour = after
			b.Mark = &m.Metrics[0].Useless
		}
		b.Low, b.High = m.Metrics[0].Low, m.Metrics[0].High
		p.Add(b)
		about = append(about, m.Name+" "+figureText(m.Metrics[0]))
	}
	p.Y.Min, p.Y.Max = -0.5, float64(len(models))-0.5
	name := models[0].Metrics[0].Name
	return svg(p, chartWidth, 28+46*float64(len(models)), strings.ToUpper(name[:1])+name[1:]+" of each model", strings.Join(about, ", ")+".")
}

// figureText writes a metric in plain text.
func figureText(f verify.Figure) string {
	form := "number"
	if f.Share {
		form = "percent"
	}
	s, _ := format(form, f.Value)
	return s
}

// StepsChart shows the metric by the number of changes.
func (v *view) StepsChart() (template.HTML, error) {
	s := v.Evidence.Steps
	p := newChart("parameters changed", s.Metric)
	var points plotter.XYs
	p.Y.Min, p.Y.Max = 0, 1
	for _, one := range s.Points {
		points = append(points, plotter.XY{X: float64(one.Changed), Y: one.Value})
		if !s.Share {
			p.Y.Max = max(p.Y.Max, one.Value)
		}
	}
	if s.Share {
		p.Y.Tick.Marker, p.Y.Label.Text = percentTicks(), ""
	}
	last := s.Points[len(s.Points)-1].Changed
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, float64(last), wholeTicks(last)
	p.Add(gridLines(false, true))
	if err := addLine(p, points, after); err != nil {
		return "", err
	}
	first, end := s.Points[0], s.Points[len(s.Points)-1]
	return svg(p, chartWidth, 200, "The metric "+s.Metric+" by the number of changed parameters",
		fmt.Sprintf("From %s with no change to %s with %d.", figureText(verify.Figure{Value: first.Value, Share: s.Share}), figureText(verify.Figure{Value: end.Value, Share: s.Share}), end.Changed))
}

// wholeTicks puts a few ticks between 0 and n on whole numbers.
func wholeTicks(n int) plot.ConstantTicks {
	step := max(1, (n+5)/6)
	var t plot.ConstantTicks
	for x := 0; x <= n; x += step {
		t = append(t, plot.Tick{Value: float64(x), Label: fmt.Sprint(x)})
	}
	return t
}

// addLine adds a line with a point at each place.
func addLine(p *plot.Plot, points plotter.XYs, c colourOf) error {
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = c, 2
	dots.Color, dots.Shape, dots.Radius = c, draw.CircleGlyph{}, 3
	p.Add(line, dots)
	return nil
}

// Histograms returns the charts of the touched tensors.
func (v *view) Histograms() (list []chart, err error) {
	for i, t := range v.Evidence.Tensors {
		h := t.Histogram
		if h == nil {
			continue
		}
		p := rowsOf()
		p.X.Min, p.X.Max = h.Low, h.High
		p.X.Tick.Marker = ends{h.Low, h.High}
		p.Add(bins{h})
		p.Y.Min, p.Y.Max = 0, 1.12
		about := fmt.Sprintf("Values from %.4g to %.4g.", h.Low, h.High)
		if len(h.Values) > 0 {
			about += fmt.Sprintf(" %d changed values are marked:", len(h.Values))
			for _, x := range h.Values[:min(len(h.Values), 8)] {
				about += fmt.Sprintf(" %.4g", x)
			}
			about += "."
		}
		image, err := svg(p, chartWidth, 118, "Values of the tensor "+t.Name, about)
		if err != nil {
			return nil, err
		}
		list = append(list, chart{Tensor: t, At: i, SVG: image})
	}
	return list, nil
}

// chart is a chart of a tensor.
type chart struct {
	verify.Tensor
	At  int // in Evidence.Tensors
	SVG template.HTML
}

// ends are the ticks of an axis at its ends.
type ends [2]float64

func (e ends) Ticks(_, _ float64) []plot.Tick {
	t := []plot.Tick{{Value: e[0], Label: fmt.Sprintf("%.3g", e[0])}, {Value: e[1], Label: fmt.Sprintf("%.3g", e[1])}}
	if e[0] < 0 && e[1] > 0 && -e[0] > (e[1]-e[0])/6 && e[1] > (e[1]-e[0])/6 {
		t = append(t, plot.Tick{Value: 0, Label: "0"})
	}
	return t
}

// AttackChart shows what each attack reaches from the locked weights and from nothing, and
// the zero line.
func (v *view) AttackChart() (template.HTML, error) {
	r := v.Attacks
	p := rowsOf()
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 1, percentTicks()
	p.Add(gridLines(true, false))
	var about []string
	if r.Zero != nil {
		p.Add(upright{r.Zero.Accuracy})
		about = append(about, "zero line "+percent(r.Zero.Accuracy))
	}
	rows := append([]attack.Result{{Name: "locked, no attack", Accuracy: r.Locked}}, r.Attacks...)
	for i, one := range rows {
		d := dumbbell{At: float64(len(rows) - 1 - i), Name: one.Name, Reached: one.Accuracy, Best: one.Name == r.BestAttack}
		if one.Control != nil {
			d.Nothing = &one.Control.Accuracy
		}
		p.Add(d)
		about = append(about, one.Name+" "+percent(one.Accuracy))
	}
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
	return svg(p, chartWidth, 30+34*float64(len(rows)), v.Measure()+" of each attack and the zero line", strings.Join(about, ", ")+".")
}

// CurveChart shows the best attack and the zero line by the number of samples; "" with
// fewer than two points.
func (v *view) CurveChart() (template.HTML, error) {
	var best, zero plotter.XYs
	var ticks plot.ConstantTicks
	var about []string
	for _, one := range v.Attacks.Curve {
		if one.Best == nil || one.Zero == nil || one.Samples <= 0 {
			continue
		}
		x := float64(one.Samples)
		best, zero = append(best, plotter.XY{X: x, Y: *one.Best}), append(zero, plotter.XY{X: x, Y: *one.Zero})
		ticks = append(ticks, plot.Tick{Value: x, Label: verify.Thousands(one.Samples)})
		about = append(about, fmt.Sprintf("%d samples: %s, zero line %s", one.Samples, percent(*one.Best), percent(*one.Zero)))
	}
	if len(best) < 2 {
		return "", nil
	}
	p := newChart("samples of the attacker", "")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ticks
	p.Y.Tick.Marker = percentTicks()
	p.Add(gridLines(false, true))
	for _, l := range []struct {
		points plotter.XYs
		c      colourOf
	}{{zero, before}, {best, after}} {
		if err := addLine(p, l.points, l.c); err != nil {
			return "", err
		}
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = best[0].X, best[len(best)-1].X, 0, 1
	return svg(p, chartWidth, 210, "Best attack and zero line by the number of samples", strings.Join(about, "; ")+".")
}

// Line draws the series of a sample.
func (v *view) Line(series [][]float64) (template.HTML, error) {
	p := plot.New()
	p.BackgroundColor = nil
	p.HideAxes()
	for i, one := range series {
		var points plotter.XYs
		for t, y := range one {
			if !math.IsNaN(y) && !math.IsInf(y, 0) {
				points = append(points, plotter.XY{X: float64(t), Y: y})
			}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return "", nil // nothing finite to draw
		}
		line.Color, line.Width = []colourOf{before, after, soft, ink}[i%4], 1
		p.Add(line)
	}
	return svg(p, 132, 72, "The sample as a line", fmt.Sprintf("%d channels", len(series)))
}

// label draws text at a place of a canvas.
func label(c *draw.Canvas, col colourOf, x, y vg.Length, align float64, s string) {
	style := text.Style{Color: col, Font: sans, XAlign: text.XAlignment(align), YAlign: -0.5, Handler: plot.DefaultTextHandler}
	style.Font.Size = 12
	c.FillText(style, vg.Point{X: x, Y: y}, s)
}

// most returns the largest of some counts.
func most(lists ...[]int) int {
	n := 1
	for _, l := range lists {
		if len(l) > 0 {
			n = max(n, slices.Max(l))
		}
	}
	return n
}
