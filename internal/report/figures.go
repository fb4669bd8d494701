package report

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/advparams/advparams/verify"
)

// figures is the result of a run as JSON. Every number of a page is looked up in it.
type figures struct{ root any }

func newFigures(result any) (figures, error) {
	text, err := json.Marshal(result)
	if err != nil {
		return figures{}, err
	}
	var f figures
	return f, json.Unmarshal(text, &f.root)
}

// at returns the value at a path such as evidence.models.0.quality, whose parts are names
// and positions; nil if there is none.
func (f figures) at(path string) any {
	v := f.root
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// has reports whether there is a value at a path other than null.
func (f figures) has(path string) bool { return f.at(path) != nil }

// is reports whether the value at a path is true.
func (f figures) is(path string) bool { return f.at(path) == true }

// number returns the number at a path. It is an error if there is none, which stops the
// page: no figure is made up.
func (f figures) number(path string) (float64, error) {
	if x, ok := f.at(path).(float64); ok {
		return x, nil
	}
	return 0, fmt.Errorf("the result has no number %s", path)
}

// figure writes the number at a path in one of the forms of format, marked with the path and
// the exact value.
func (f figures) figure(form, path string) (template.HTML, error) {
	x, err := f.number(path)
	if err != nil {
		return "", err
	}
	text, err := format(form, x)
	if err != nil {
		return "", err
	}
	return mark(path, x, form, text), nil
}

// metric writes a field of a verify.Figure in its unit.
func (f figures) metric(path, field string) (template.HTML, error) {
	form := "number"
	if f.is(path + ".share") {
		form = "percent"
	}
	unit, _ := f.at(path + ".unit").(string)
	x, err := f.number(path + "." + field)
	if err != nil {
		return "", err
	}
	text, err := format(form, x)
	if err != nil {
		return "", err
	}
	if unit != "" {
		text += "\u00a0" + unit
	}
	return mark(path+"."+field, x, form, text), nil
}

func mark(path string, x float64, form, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<data value="%s" data-json="%s" data-form="%s">%s</data>`,
		strconv.FormatFloat(x, 'g', -1, 64), template.HTMLEscapeString(path), form, template.HTMLEscapeString(text)))
}

// format writes a number for people.
func format(form string, x float64) (string, error) {
	switch form {
	case "percent":
		return percent(x), nil
	case "points":
		return fmt.Sprintf("%+.2f", 100*x), nil
	case "count":
		return verify.Thousands(int64(x)), nil
	case "seconds":
		if x >= 100 {
			return fmt.Sprintf("%.0f\u00a0s", x), nil
		}
		return fmt.Sprintf("%.2f\u00a0s", x), nil
	case "number":
		switch size := math.Abs(x); {
		case size < 1000:
			return fmt.Sprintf("%.3f", x), nil
		case size < 1e7:
			return fmt.Sprintf("%.0f", x), nil
		}
		return fmt.Sprintf("%.3g", x), nil
	case "short":
		return fmt.Sprintf("%.4g", x), nil
	case "bound": // of an interval of percentages
		return fmt.Sprintf("%.1f", 100*x), nil
	case "share":
		return fmt.Sprintf("%.4g\u00a0%%", 100*x), nil
	}
	return "", fmt.Errorf("there is no form %q of figures", form)
}

// percent writes a share as a percentage.
func percent(x float64) string { return fmt.Sprintf("%.2f\u00a0%%", 100*x) }
