package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// point is a place on the frontier.
type point struct {
	model, sealed, samples, epochs string
}

// percent returns the share of the weights that is sealed.
func (p point) percent() float64 { return 100 * number(p.sealed) / subjects[p.model].weights }

// figures are those of all attackers at a point, in percent.
type figures struct {
	locked, best, zero, advantage []float64
	overControl                   []float64 // the best attack, less its control
}

// summarise prints the table of docs/method.md, and writes what docs/figures draws: the
// difference of the best attack from its control, or from the zero line where that is known of
// more attackers, in points, by the share of the weights that is sealed, as mean and standard
// deviation over the attackers. A difference is that of two trainings by one attacker: the
// table has their range.
func summarise(w io.Writer, rows [][]string, path string) error {
	places := map[point]*figures{}
	var points []point
	for _, row := range rows {
		at := point{row[0], row[5], row[3], row[4]}
		f := places[at]
		if f == nil {
			f = &figures{}
			places[at] = f
			points = append(points, at)
		}
		for _, one := range []struct {
			list *[]float64
			text string
		}{{&f.locked, row[6]}, {&f.best, row[9]}, {&f.zero, row[12]}, {&f.advantage, row[13]}} {
			if one.text != "" {
				*one.list = append(*one.list, 100*number(one.text))
			}
		}
		if row[14] != "" {
			f.overControl = append(f.overControl, 100*(number(row[9])-number(row[14])))
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(number(a.samples), number(b.samples)), cmp.Compare(a.percent(), b.percent()))
	})
	fmt.Fprintln(w, "| model | attacker's images | epochs | sealed | locked | best attack | zero line | advantage | over its control | locks |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|")
	lines := [][]string{{"series", "x", "y", "error"}}
	for _, at := range points {
		f := places[at]
		title := subjects[at.model].title
		fmt.Fprintf(w, "| %s | %s | %s | %.3g %% | %s | %s | %s | %s | %s | %d |\n", title, at.samples, at.epochs, at.percent(),
			plusMinus("%.1f", f.locked), plusMinus("%.1f", f.best), plusMinus("%.1f", f.zero), f.of(f.advantage, meanAndRange), f.of(f.overControl, pairs), len(f.best))
		if !slices.ContainsFunc(points, func(p point) bool {
			return p.model == at.model && p.samples == at.samples && p.epochs == at.epochs && p.sealed != at.sealed
		}) {
			continue // one point is no line
		}
		over := f.advantage
		if len(f.overControl) >= len(over) {
			over = f.overControl
		}
		mean, deviation := spread(over)
		lines = append(lines, []string{title + ", " + at.samples + " images", strconv.FormatFloat(at.percent(), 'g', 3, 64), strconv.FormatFloat(mean, 'f', 2, 64), strconv.FormatFloat(deviation, 'f', 2, 64)})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return csv.NewWriter(f).WriteAll(lines)
}

func number(s string) float64 {
	x, _ := strconv.ParseFloat(s, 64)
	return x
}

// plusMinus writes mean and standard deviation.
func plusMinus(format string, x []float64) string {
	mean, deviation := spread(x)
	switch len(x) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf(format, mean)
	}
	return fmt.Sprintf(format+" ± %.1f", mean, deviation)
}

// of writes differences, and of how many locks they are known.
func (f *figures) of(x []float64, write func([]float64) string) string {
	switch len(x) {
	case 0:
		return "–"
	case len(f.best):
		return write(x)
	}
	return fmt.Sprintf("%s, of %d", write(x), len(x))
}

// meanAndRange writes the mean, and the smallest and largest value.
func meanAndRange(x []float64) string {
	mean, _ := spread(x)
	if len(x) == 1 {
		return signed("%+.1f", mean)
	}
	return signed("%+.1f (%+.1f to %+.1f)", mean, slices.Min(x), slices.Max(x))
}

// pairs writes the mean of differences with its standard error, and the range.
func pairs(x []float64) string {
	mean, deviation := spread(x)
	if len(x) == 1 {
		return signed("%+.1f", mean)
	}
	return signed("**%+.1f ± %.1f** (%+.1f to %+.1f)", mean, deviation/math.Sqrt(float64(len(x))), slices.Min(x), slices.Max(x))
}

// signed writes numbers with true minus signs.
func signed(format string, numbers ...any) string {
	return strings.ReplaceAll(fmt.Sprintf(format, numbers...), "-", "−")
}

// spread returns mean and standard deviation; that of a single value is 0.
func spread(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(max(len(x)-1, 1)))
}
