package batch

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/report"
)

// WriteResults writes the results as lines of JSON, one for each model.
func WriteResults(w io.Writer, results []*Result) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range results {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

//go:embed index.html
var indexPage string

var indexTemplate = template.Must(template.New("index").Funcs(template.FuncMap{
	"style": report.Style,
	"sort": func(x *float64) string { // smaller than all numbers if it is not known
		if x == nil {
			return "-1e9"
		}
		return strconv.FormatFloat(*x, 'g', -1, 64)
	},
	"percent": func(x *float64) string {
		if x == nil {
			return "–"
		}
		return fmt.Sprintf("%.2f %%", 100**x)
	},
	"points": func(x *float64) string {
		if x == nil {
			return "–"
		}
		return fmt.Sprintf("%+.2f", 100**x)
	},
	"count": func(n *int64) string {
		if n == nil {
			return "–"
		}
		return fmt.Sprint(*n)
	},
	"answer": func(b *bool) string {
		switch {
		case b == nil:
			return "–"
		case *b:
			return "yes"
		}
		return "no"
	},
	"seconds": func(s float64) string { return fmt.Sprintf("%.1f", s) },
	"number":  func(n *int64) int64 { return *cmp.Or(n, new(int64)) },
	"size":    func(n int64) string { return Size(n).String() },
}).Parse(indexPage))

// WriteIndex writes an HTML page with a line for each model, what became of its lock in
// words, and links to the reports and logs. The page loads nothing, and can be sorted. page
// is the path or URL that it will have; the links are relative to it.
func WriteIndex(w io.Writer, page, title string, s *Summary, now time.Time) error {
	folder := dirOf(page)
	view := indexView{Title: title, Summary: s, Created: now.Format("2006-01-02 15:04 MST")}
	for _, r := range s.Models {
		f, v := r.Figures(), r.verdict()
		view.Attacked = view.Attacked || f.BestAttack != nil
		switch {
		case v.Kind == "good":
			view.Held++
		case v.Kind == "bad" && v.Rank < 2:
			view.Broken++
		}
		view.Rows = append(view.Rows, indexRow{r, f, v, link(folder, r.Report), link(folder, r.AttackReport), link(folder, r.Log)})
	}
	for _, state := range []State{Done, Unchanged, Failed, Interrupted, Waiting} {
		if n := s.Counts[state]; n > 0 {
			view.Counts = append(view.Counts, fmt.Sprintf("%d %s", n, state))
		}
	}
	var b bytes.Buffer // written at once: a template writes piece by piece
	if err := indexTemplate.Execute(&b, view); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

type indexView struct {
	Title, Created string
	*Summary
	Counts       []string
	Attacked     bool // any of the models
	Held, Broken int  // locks
	Rows         []indexRow
}

// column is a column of the index.
type column struct {
	Name string
	Left bool
}

// Columns returns the columns in order.
func (v indexView) Columns() []column {
	list := []column{{"model", true}, {"outcome", true}, {"changed", false}, {"original", false}, {"locked", false}}
	if v.Attacked {
		list = append(list, column{"best attack", false}, column{"advantage", false})
	}
	return append(list, column{"bit-exact", false}, column{"size", false}, column{"seconds", false})
}

type indexRow struct {
	*Result
	Figures
	Verdict                         verdict
	ReportLink, AttackLink, LogLink template.URL
}

// Folder and Name are the path of the model.
func (r indexRow) Folder() string { return strings.TrimSuffix(r.Model, r.Name()) }

// Name is the last part of the path.
func (r indexRow) Name() string { return r.Model[strings.LastIndexAny(r.Model, `/\`)+1:] }

// link returns the URL of a file relative to a folder, or of an object if the page
// is in the same bucket. It returns "" if there is nothing to link to.
func link(folder, path string) template.URL {
	if path == "" {
		return ""
	}
	from, to := absolute(folder), absolute(path)
	if objects.IsURL(from) || objects.IsURL(to) {
		bucket, key := objects.Split(to)
		if there, _ := objects.Split(from); there != bucket {
			return "" // browsers cannot follow it
		}
		from, to = "/"+strings.TrimPrefix(from, bucket), "/"+key
	}
	rel, err := filepath.Rel(from, to)
	if err != nil {
		return ""
	}
	// A path that begins with ./ is never taken for a URL with a scheme.
	u := url.URL{Path: "./" + filepath.ToSlash(rel)}
	return template.URL(u.EscapedPath())
}
