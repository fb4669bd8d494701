package verify

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/advparams/advparams/internal/page"
	"github.com/advparams/advparams/task"
)

// Report is the result of verifying a locked model.
type Report struct {
	Tool    string // program and version
	Created time.Time

	Files []File
	Data  string // a description of the samples; "" if nothing was measured

	Task    string // the name of the task that models were measured for
	Samples int    // that they were measured on

	// Original, Locked and Unlocked are what the outputs of the models are worth;
	// nil where nothing was measured.
	Original, Locked, Unlocked *task.Score

	// WithKey reports whether the files were checked against a key.
	WithKey bool
	// BitExact reports whether unlocking gave the bytes of the original.
	BitExact bool
	// Tampered reports whether the locked files are not those that the key was made for.
	Tampered bool

	// Parameters and Changed are the numbers of all and of changed parameters, as the key
	// has them; 0 if they are not known.
	Parameters, Changed int64

	Timings []Timing
}

// File identifies one file that was looked at.
type File struct {
	Role   string // "original", "locked" …
	Name   string
	Size   int64 // bytes
	SHA256 [32]byte
}

// Timing is how long one step took.
type Timing struct {
	Step     string
	Duration time.Duration
}

//go:embed report.html
var html string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"style":   page.Style,
	"percent": page.Percent,
	"count":   Thousands[int],
	"bytes":   Thousands[int64],
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) },
	"scale":   page.Scale,
}).Parse(html))

// WriteHTML writes a report as one HTML page that needs no other file.
func WriteHTML(w io.Writer, r Report) error {
	return page.Write(w, pageTemplate, view{r})
}

// view adds to a report what the template needs.
type view struct{ Report }

// Verdict returns the result in a sentence or two.
func (v view) Verdict() string {
	var s []string
	switch {
	case v.Tampered:
		s = append(s, "The locked model is not the one the key was made for, or has been changed since.")
	case v.WithKey && v.BitExact:
		s = append(s, "The key turns the locked model back into the original, bit for bit.")
	case v.WithKey:
		s = append(s, "The key belongs to the locked model, but the original given is another one.")
	}
	reference := v.Original
	if reference == nil {
		reference = v.Unlocked
	}
	if v.Locked != nil && reference != nil {
		s = append(s, locking(reference, v.Locked))
	}
	return strings.Join(s, " ")
}

// locking describes what locking did to the metric that people go by.
func locking(reference, locked *task.Score) string {
	before, after := headline(reference), headline(locked)
	blind := "outputs that have nothing to do with the sample would have"
	if locked.Classes != nil {
		blind = "blind answers of the same frequencies would reach"
	}
	return fmt.Sprintf("Locking takes the %s from %s to %s; %s %s.", after.Name,
		before.Format(before.Value), after.Format(after.Value), blind, after.Format(after.Useless))
}

// headline returns the metric that people go by.
func headline(s *task.Score) task.Metric {
	if len(s.Metrics) == 0 {
		return task.Metric{Name: "quality"}
	}
	return s.Metrics[0]
}

// Same reports whether one measurement stands for original and unlocked model.
func (v view) Same() bool { return v.Original != nil && v.Original == v.Unlocked }

// row is a model with its figures.
type row struct {
	Name string
	*task.Score
	Y int // of its bar, in pixels
}

// Classifies reports whether the figures are those of a classifier.
func (r row) Classifies() bool { return r.Classes != nil }

// Right returns the number of samples answered right.
func (r row) Right() int {
	right, _ := r.Correct()
	return right
}

// Information returns the bits that the answers of a classifier tell about the labels.
func (r row) Information() float64 {
	m, _ := r.Metric("information")
	return m.Value
}

// Rows returns the models that were measured.
func (v view) Rows() []row {
	var rows []row
	for _, r := range []row{{Name: "original", Score: v.Original}, {Name: "locked", Score: v.Locked}, {Name: "unlocked", Score: v.Unlocked}} {
		if r.Score != nil {
			r.Y = 34 * len(rows)
			rows = append(rows, r)
		}
	}
	return rows
}

// Bar and Mark return the quality of the model and that of a useless one, between 0 and 1.
func (r row) Bar() float64  { return min(1, max(0, r.Quality)) }
func (r row) Mark() float64 { return min(1, max(0, r.Chance)) }

// Figure returns the metric that people go by, formatted.
func (r row) Figure() string {
	m := headline(r.Score)
	return m.Format(m.Value)
}

// Figures returns all metrics, formatted.
func (r row) Figures() []string {
	var list []string
	for _, m := range r.Metrics {
		list = append(list, m.Format(m.Value))
	}
	return list
}

// Useless returns the metrics of outputs that have nothing to do with the sample,
// formatted.
func (r row) Useless() []string {
	var list []string
	for _, m := range r.Metrics {
		list = append(list, m.Format(m.Useless))
	}
	return list
}

// Reference returns the row that the names of metrics are taken from.
func (v view) Reference() row { return v.Rows()[0] }

// LockedRow returns a list with the locked model's row, or an empty one if that was not
// measured.
func (v view) LockedRow() []row {
	return slices.DeleteFunc(v.Rows(), func(r row) bool { return r.Name != "locked" })
}

// ChartHeight returns the height of the bars of Rows, in pixels.
func (v view) ChartHeight() int { return 34 * len(v.Rows()) }

// classRow compares a class in the original (or else the unlocked) and the locked model.
type classRow struct {
	Label         int
	Samples       int
	Before, After float64 // share answered right
	Answered      float64 // share of all samples that get this answer from the locked model
}

// Classes compares the models class by class. It returns nil unless two were measured.
func (v view) Classes() []classRow {
	reference := v.Original
	if reference == nil {
		reference = v.Unlocked
	}
	if reference == nil || v.Locked == nil {
		return nil
	}
	rows := make([]classRow, len(v.Locked.Classes))
	for i, c := range v.Locked.Classes {
		rows[i] = classRow{Label: i, Samples: c.Samples, After: c.Recall(), Answered: float64(c.Answered) / float64(max(v.Samples, 1))}
		if i < len(reference.Classes) {
			rows[i].Before = reference.Classes[i].Recall()
		}
	}
	return rows
}

// Thousands writes n with a comma before every group of three digits.
func Thousands[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
