package attack

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/advparams/advparams/internal/page"
	"github.com/advparams/advparams/verify"
)

//go:embed page.html
var html string

var pageTemplate = template.Must(template.New("attack").Funcs(template.FuncMap{
	"style":   page.Style,
	"percent": page.Percent,
	"scale":   page.Scale,
	"count":   verify.Thousands[int],
	"share":   percent,
	"points":  func(x float64) string { return fmt.Sprintf("%+.2f", 100*x) },
}).Parse(html))

// WriteHTML writes a report as one HTML page that needs no other file.
func (r *Report) WriteHTML(w io.Writer) error {
	return page.Write(w, pageTemplate, view{r})
}

// view adds to a report what the template needs.
type view struct{ *Report }

// Measure is the word for figures.
func (v view) Measure() string {
	if v.Task == "" || v.Task == "classification" {
		return "Accuracy"
	}
	return "Quality for the task " + v.Task
}

// Resists reports whether no attack is ahead of the zero line.
func (v view) Resists() bool { return v.Advantage != nil && *v.Advantage <= 0 }

// Verdict returns the result in a sentence or two. Intervals are those of Wilson, at 95 %.
func (v view) Verdict() string {
	if v.Best == nil {
		return "No attack was finished."
	}
	s := fmt.Sprintf("The best attack, %s, takes the locked model from %s to %s", v.BestAttack, page.Percent(v.Locked), v.interval(*v.Best))
	if v.Zero == nil {
		return s + ". There was no time for the zero line."
	}
	from := "training from scratch"
	if v.Zero.From != Scratch {
		from = v.Zero.From + " from nothing"
	}
	return s + fmt.Sprintf(". Without the locked weights, %s reaches %s. The locked weights are worth %+.2f points to the attacker.",
		from, v.interval(v.Zero.Accuracy), 100**v.Advantage)
}

// interval writes an accuracy with its confidence interval. Other qualities have none.
func (v view) interval(p float64) string {
	n := float64(v.Samples.Test)
	if v.Measure() != "Accuracy" || n == 0 {
		return page.Percent(p)
	}
	low, high := wilson(p, n)
	return fmt.Sprintf("%s (%.1f to %.1f)", page.Percent(p), 100*low, 100*high)
}

// wilson returns the interval of Wilson (1927) for a share of n, at 95 %.
func wilson(p, n float64) (low, high float64) {
	const z = 1.959964
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(middle-half, 0), min(middle+half, 1)
}

// bar is an attack in the chart.
type bar struct {
	Result
	Y int // in pixels
}

const barHeight = 30

// Bars returns the attacks with their places.
func (v view) Bars() (bars []bar) {
	for i, one := range v.Attacks {
		bars = append(bars, bar{one, i * barHeight})
	}
	return bars
}

// BarsHeight returns the height of the chart in pixels.
func (v view) BarsHeight() int { return len(v.Attacks) * barHeight }

// tick is a mark on an axis.
type tick struct {
	At   string
	Text string
}

// lines are the curve as it is drawn: samples on a logarithmic axis, accuracies from 0 to 1.
type lines struct {
	Grid, Ticks []tick
	Best, Zero  string // points of the polylines
}

// Lines returns the curve; nil if it has fewer than two points.
func (v view) Lines() *lines {
	var points []Point
	for _, p := range v.Curve {
		if p.Best != nil && p.Zero != nil && p.Samples > 0 {
			points = append(points, p)
		}
	}
	if len(points) < 2 {
		return nil
	}
	first, last := math.Log(float64(points[0].Samples)), math.Log(float64(points[len(points)-1].Samples))
	x := func(p Point) string {
		return fmt.Sprintf("%.1f", 80+540*(math.Log(float64(p.Samples))-first)/max(last-first, 1e-9))
	}
	y := func(accuracy float64) string { return fmt.Sprintf("%.1f", 226-212*min(max(accuracy, 0), 1)) }
	var l lines
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		l.Grid = append(l.Grid, tick{y(share), percent(share)})
	}
	var best, zero []string
	for _, p := range points {
		l.Ticks = append(l.Ticks, tick{x(p), verify.Thousands(p.Samples)})
		best, zero = append(best, x(p)+","+y(*p.Best)), append(zero, x(p)+","+y(*p.Zero))
	}
	l.Best, l.Zero = strings.Join(best, " "), strings.Join(zero, " ")
	return &l
}
