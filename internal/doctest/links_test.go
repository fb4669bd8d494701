package doctest

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	title = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fence = regexp.MustCompile("(?s)```.*?```")
)

// TestLinks follows the links of all documents to files and headings.
func TestLinks(t *testing.T) {
	checked := 0
	for _, name := range files(t, ".md") {
		text := fence.ReplaceAllString(read(t, name), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			checked++
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
			}
			if !exists(file) {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
				continue
			}
			if anchor != "" && !hasHeading(fence.ReplaceAllString(read(t, file), ""), anchor) {
				t.Errorf("%s links to %s, but %s has no such heading", name, m[1], file)
			}
		}
	}
	if checked == 0 {
		t.Error("no links were found")
	}
}

// hasHeading reports whether a heading of the text has an anchor, as GitHub names
// it: lower case, without punctuation, spaces as hyphens.
func hasHeading(text, anchor string) bool {
	for _, m := range title.FindAllStringSubmatch(text, -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		if slug == anchor {
			return true
		}
	}
	return false
}
