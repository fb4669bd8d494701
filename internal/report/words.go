package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/advparams/advparams/verify"
)

// view is a page as the templates see it.
type view struct {
	Page
	figures
}

// Title names the page.
func (v *view) Title() string {
	return map[Kind]string{Lock: "Lock report", Verification: "Verification report", Attack: "Attack report"}[v.Kind]
}

// Model names the model that the page is about.
func (v *view) Model() string {
	for _, role := range []string{"original", "locked", "unlocked"} {
		for _, f := range v.Evidence.Files {
			if f.Role == role {
				return f.Name
			}
		}
	}
	return ""
}

// Find returns the position of a model in Evidence.Models, -1 if it was not measured.
func (v *view) Find(name string) int {
	for i, m := range v.Evidence.Models {
		if m.Name == name {
			return i
		}
	}
	return -1
}

// Reference returns the position of the model that the locked one is compared with.
func (v *view) Reference() int {
	if i := v.Find("original"); i >= 0 {
		return i
	}
	return v.Find("unlocked")
}

// Metric is the name of the metric that people go by.
func (v *view) Metric() string {
	if len(v.Evidence.Models) == 0 {
		return ""
	}
	return v.Evidence.Models[0].Metrics[0].Name
}

// Lower reports whether lower values of the metric are better.
func (v *view) Lower() bool { return v.Evidence.Models[0].Metrics[0].Better == "lower" }

// Classifies reports whether every sample has a class.
func (v *view) Classifies() bool { return len(v.Evidence.Classes) > 0 }

// Measure is the word for the figures of attacks.
func (v *view) Measure() string {
	if v.Attacks == nil || v.Attacks.Task == "" || v.Attacks.Task == "classification" {
		return "Accuracy"
	}
	return "Quality"
}

// ZeroFrom says what the zero line is.
func (v *view) ZeroFrom() string {
	if v.Attacks.Zero.From == "scratch" {
		return "training from scratch"
	}
	return v.Attacks.Zero.From + " from nothing"
}

// Held says what became of the lock, as a badge: good, bad or neither.
func (v *view) Held() *badge {
	locked := v.Find("locked")
	if v.Kind == Attack || locked < 0 {
		return nil
	}
	m := v.Evidence.Models[locked]
	if verify.AsGuesses(m.Quality, m.Chance) {
		return &badge{true, "the locked model is as good as guesses"}
	}
	return &badge{false, "the locked model still has answers"}
}

// badge is a result in a few words.
type badge struct {
	Good bool
	Text string
}

// className writes a class with its number.
func (v *view) className(class int) string {
	if names := v.Evidence.ClassNames; class >= 0 && class < len(names) {
		return names[class]
	}
	return fmt.Sprint(class)
}

// Row is a tensor in the table of places, or a run of tensors that are not changed.
type Row struct {
	verify.Tensor
	At      int // in Evidence.Tensors
	Skipped int // tensors that the row stands for; 0 for one
	Sum     int // elements of these
	Size    template.CSS
	Share   template.CSS
}

// manyTensors is the number of tensors from which unchanged ones are summed up.
const manyTensors = 40

// Rows returns the tensors in the order of the graph.
func (v *view) Rows() (rows []Row) {
	all := v.Evidence.Tensors
	largest := 1
	for _, t := range all {
		largest = max(largest, t.Elements)
	}
	for i, t := range all {
		if t.Changed == 0 && len(all) > manyTensors {
			if n := len(rows); n == 0 || rows[n-1].Skipped == 0 {
				rows = append(rows, Row{})
			}
			last := &rows[len(rows)-1]
			last.Skipped, last.Sum = last.Skipped+1, last.Sum+t.Elements
			continue
		}
		size := math.Log1p(float64(t.Elements)) / math.Log1p(float64(largest))
		share := 0.0
		if t.Changed > 0 {
			share = max(0.03, float64(t.Changed)/float64(t.Elements))
		}
		rows = append(rows, Row{Tensor: t, At: i, Size: css("width", size), Share: css("width", share)})
	}
	return rows
}

func css(property string, share float64) template.CSS {
	return template.CSS(fmt.Sprintf("%s:%.1f%%", property, 100*share))
}

// Touched counts the tensors with changes.
func (v *view) Touched() (n int) {
	for _, t := range v.Evidence.Tensors {
		if t.Changed > 0 {
			n++
		}
	}
	return n
}

// Overlay reports whether histograms compare distributions, because most values differ.
func (v *view) Overlay() bool {
	for _, t := range v.Evidence.Tensors {
		if t.Histogram != nil && len(t.Histogram.Values) == 0 {
			return true
		}
	}
	return false
}

// Matrices reports whether confusion matrices can be drawn.
func (v *view) Matrices() bool {
	return v.Evidence.Confusion != nil && len(v.Evidence.Confusion.Locked) > 1 && v.Evidence.Confusion.Original != nil
}

// SmallMatrix reports whether a table of counts can be read.
func (v *view) SmallMatrix() bool { return v.Matrices() && len(v.Evidence.Confusion.Locked) <= 16 }

// Confidential reports whether the page says where few changes are.
func (v *view) Confidential() bool {
	return v.Touched() > 0 && v.Evidence.Profile != "sealed"
}

// pngURL returns a picture as a URL that holds it.
func pngURL(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

// Dims writes the shape of a tensor.
func (r Row) Dims() string {
	if len(r.Shape) == 0 {
		return "scalar"
	}
	parts := make([]string, len(r.Shape))
	for i, d := range r.Shape {
		parts[i] = fmt.Sprint(d)
	}
	return strings.Join(parts, "×")
}

// place returns a box as the attributes of a rectangle in a picture of 100 by 100.
func place(b verify.Box) template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`x="%.1f" y="%.1f" width="%.1f" height="%.1f"`, 100*b.X, 100*b.Y, max(0, 100*b.Width), max(0, 100*b.Height)))
}

// dict makes a map for a template within a template.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// Unclear reports whether the intervals of the best attack and of the zero line overlap.
func (v *view) Unclear() bool {
	best, one := v.Evidence.Intervals["best"]
	zero, other := v.Evidence.Intervals["zero"]
	return one && other && best.Low <= zero.High
}

// Resists reports whether no attack is ahead of the zero line.
func (v *view) Resists() bool { return *v.Attacks.Advantage <= 0 }
