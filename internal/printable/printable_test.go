package printable_test

import (
	"testing"

	"github.com/advparams/advparams/internal/printable"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"plain, 日本":           "plain, 日本",
		"two\nlines\n":        "two; lines",
		"\x1b[31mred\x1b[0m":  `\u001b[31mred\u001b[0m`,
		"back\bspace\u202eto": `back\u0008space\u202eto`,
		"c1 \u009b31m":        `c1 \u009b31m`,
		"byte \x9b31m":        `byte \x9b31m`,
		"one\xff\x1b":         `one\xff\u001b`,
		"tag \U000e0001":      `tag \U000e0001`,
		"\u2066a\u2069\ufeff": `\u2066a\u2069\ufeff`,
	} {
		if have := printable.Line(text); have != want {
			t.Errorf("Line(%q) = %q, want %q", text, have, want)
		}
	}
}
