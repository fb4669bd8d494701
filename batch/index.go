package batch

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/advparams/advparams/batch/objects"
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
	"size":    func(n int64) string { return Size(n).String() },
}).Parse(indexPage))

// WriteIndex writes an HTML page with a line for each model and links to the
// reports and logs. page is the path or URL that the page will have; the links are
// relative to it.
func WriteIndex(w io.Writer, page, title string, s *Summary, now time.Time) error {
	folder := dirOf(page)
	view := indexView{Title: title, Summary: s, Created: now.Format("2006-01-02 15:04 MST")}
	for _, r := range s.Models {
		f := r.Figures()
		view.Attacked = view.Attacked || f.BestAttack != nil
		view.Rows = append(view.Rows, indexRow{r, f, link(folder, r.Report), link(folder, r.Log)})
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
	Counts   []string
	Attacked bool // any of the models
	Rows     []indexRow
}

type indexRow struct {
	*Result
	Figures
	ReportLink, LogLink template.URL
}

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
