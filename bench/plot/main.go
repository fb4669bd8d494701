// Plot draws the figures of the documentation: it reads a CSV with the columns
// series, x and y, and writes a line chart as SVG. A fourth column, error, holds
// half the length of the error bars.
//
//	go run . -log -x "budget in %" -y points -o figure.svg figure.csv
//
// It is a module of its own, so that importers of advparams do not inherit its
// dependencies.
package main

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"image/color"
	"log"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

func main() {
	log.SetFlags(0)
	title := flag.String("title", "", "above the chart")
	x := flag.String("x", "", "label of the x axis")
	y := flag.String("y", "", "label of the y axis")
	logarithmic := flag.Bool("log", false, "logarithmic x axis")
	right := flag.Bool("right", false, "legend on the right, for lines that fall, and the y axis from 0")
	out := flag.String("o", "", "the SVG to write")
	flag.Parse()
	if flag.NArg() != 1 || *out == "" {
		log.Fatal("usage: plot [flags] -o FILE.svg FILE.csv")
	}
	names, lines, err := read(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = *title, *x, *y
	if *logarithmic {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, places(lines)
	}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Millimeter
	p.Add(plotter.NewGrid())
	for i, name := range names {
		if err := add(p, name, lines[name], i); err != nil {
			log.Fatal(err)
		}
	}
	if *right {
		p.Y.Min, p.Y.Max, p.Legend.XOffs = 0, 1.3*p.Y.Max, 7*vg.Centimeter
	} else {
		p.Y.Max += 0.5 * (p.Y.Max - p.Y.Min) // room for the legend
	}
	if err := save(p, *out); err != nil {
		log.Fatal(err)
	}
}

// save writes the chart. Where its font is missing, one with the same widths does.
func save(p *plot.Plot, path string) error {
	c := vgsvg.New(16*vg.Centimeter, 9*vg.Centimeter)
	p.Draw(draw.Crop(draw.New(c), vg.Millimeter, -3*vg.Millimeter, vg.Millimeter, -vg.Millimeter))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	const font = "font-family:Liberation Serif"
	return os.WriteFile(path, bytes.ReplaceAll(b.Bytes(), []byte(font), []byte(font+",Times New Roman,Times,serif")), 0o644)
}

// colours that can be told apart by people who see few (Okabe and Ito).
var colours = []color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255}}

// series is a line. An error of 0 has no bar.
type series struct {
	plotter.XYs
	plotter.YErrors
}

func add(p *plot.Plot, name string, s *series, i int) error {
	line, points, err := plotter.NewLinePoints(s)
	if err != nil {
		return fmt.Errorf("series %q: %w", name, err)
	}
	line.Color, line.Width = colours[i%len(colours)], vg.Points(1.5)
	points.Color, points.Shape, points.Radius = line.Color, draw.CircleGlyph{}, vg.Points(2.5)
	bars, err := plotter.NewYErrorBars(s)
	if err != nil {
		return fmt.Errorf("series %q: %w", name, err)
	}
	bars.LineStyle.Color = line.Color
	p.Add(line, points, bars)
	p.Legend.Add(name, line, points)
	return nil
}

// read returns the series of a CSV, and their names in the order of the file.
func read(path string) (names []string, lines map[string]*series, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	columns := []string{"series", "x", "y", "error"}
	if len(rows) < 2 || len(rows[0]) < 3 || !slices.Equal(rows[0], columns[:len(rows[0])]) {
		return nil, nil, fmt.Errorf("%s: the columns are not series, x, y and perhaps error", path)
	}
	lines = map[string]*series{}
	for n, row := range rows[1:] {
		var at [3]float64
		for k, text := range row[1:] {
			if at[k], err = strconv.ParseFloat(text, 64); err != nil {
				return nil, nil, fmt.Errorf("%s, row %d: %w", path, n+2, err)
			}
		}
		s := lines[row[0]]
		if s == nil {
			s = new(series)
			lines[row[0]] = s
			names = append(names, row[0])
		}
		s.XYs = append(s.XYs, plotter.XY{X: at[0], Y: at[1]})
		s.YErrors = append(s.YErrors, struct{ Low, High float64 }{at[2], at[2]})
	}
	return names, lines, nil
}

// places puts the ticks of an axis where there are points.
func places(lines map[string]*series) plot.ConstantTicks {
	var at []float64
	for _, s := range lines {
		for _, p := range s.XYs {
			at = append(at, p.X)
		}
	}
	slices.Sort(at)
	var ticks plot.ConstantTicks
	for _, x := range slices.Compact(at) {
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', -1, 64)})
	}
	return ticks
}
