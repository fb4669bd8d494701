package doctest

import (
	"regexp"
	"strings"
	"testing"
)

// row is a row of a table in docs/dependencies.md: module, version, licence, state, use.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|")

// direct is a line of go.mod with a requirement that is not indirect.
var direct = regexp.MustCompile("(?m)^\t(\\S+) (v\\S+)$")

// TestDependencies compares docs/dependencies.md with the direct requirements of both
// modules.
func TestDependencies(t *testing.T) {
	listed := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		if listed[m[1]] != "" {
			t.Errorf("%s is listed twice", m[1])
		}
		listed[m[1]] = m[2]
	}
	found := 0
	for _, name := range []string{"go.mod", "storage/go.mod", "release/go.mod"} {
		for _, m := range direct.FindAllStringSubmatch(read(t, name), -1) {
			if strings.HasPrefix(m[1], "github.com/advparams/") {
				continue
			}
			found++
			if got := listed[m[1]]; got != m[2] {
				t.Errorf("docs/dependencies.md has version %q of %s, %s has %s", got, m[1], name, m[2])
			}
			delete(listed, m[1])
		}
	}
	for module := range listed {
		t.Errorf("docs/dependencies.md lists %s, which nothing requires directly", module)
	}
	if found < 20 {
		t.Errorf("only %d direct requirements were found", found)
	}
}
