package columns

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFormat(t *testing.T) {
	const key = "model.key\tkey, 424 bytes\noriginal\tmodel.onnx\t183,008 bytes\tsha256 e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed\n"
	const tensors = "tensor\ttype\tshape\tused by\nfeatures.denseblock4.weight\tFLOAT\t[64,32,1,1]\tConv, ConvTranspose\nbias\tFLOAT\t[64]\tAdd\n"
	for _, c := range []struct {
		name  string
		width int
		text  string
		want  string
	}{
		{"as wide as it likes", 0, tensors, `
tensor                       type   shape        used by
features.denseblock4.weight  FLOAT  [64,32,1,1]  Conv, ConvTranspose
bias                         FLOAT  [64]         Add
`},
		{"fits", 68, tensors, `
tensor                       type   shape        used by
features.denseblock4.weight  FLOAT  [64,32,1,1]  Conv, ConvTranspose
bias                         FLOAT  [64]         Add
`},
		{"broken cells", 50, tensors, `
tensor          type   shape        used by
features.       FLOAT  [64,32,1,1]  Conv,
denseblock4.                        ConvTranspose
weight
bias            FLOAT  [64]         Add
`},
		{"too narrow for columns", 30, tensors, `
tensor  type  shape  used by
features.denseblock4.weight
  FLOAT  [64,32,1,1]
  Conv, ConvTranspose
bias  FLOAT  [64]  Add
`},
		{"rows of different lengths", 60, key, `
model.key  key, 424 bytes
original   model.onnx  183,008 bytes  sha256
           e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed
`},
		{"a word as long as a line", 50, key, `
model.key  key, 424 bytes
original   model.onnx  183,008 bytes  sha256
  e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed
`},
		{"a cell that fits a line of its own", 66, "unlocked model.onnx\t183,008 bytes\tsha256 e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed\n", `
unlocked model.onnx  183,008 bytes
  sha256 e46e884e93c24c0c1a2d9207d4771abe38441a52d1d267ed
`},
		{"labels", 40, "changed\t2 of 45,200 parameters\n\t   2 in depthwise.bias\nworth\tstops use; an attacker with data undoes it\n", `
changed  2 of 45,200 parameters
         2 in depthwise.bias
worth    stops use; an attacker with
         data undoes it
`},
		{"lines between tables", 20, "a\tb\n\na sentence that is too long\nccc\td\n", `
a  b

a sentence that is
  too long
ccc  d
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Format(c.text, c.width)
			if got != c.want[1:] {
				t.Errorf("got\n%swant%s", got, c.want)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"short", "short\n"},
		{"", "\n"},
		{"two lines of these words", "two lines of these\n  words\n"},
		{"  an indented line of words", "  an indented line\n    of words\n"},
		{"models/vision/resnet20.onnx is", "models/vision/\n  resnet20.onnx is\n"},
		{"größer als zwanzig Spalten", "größer als zwanzig\n  Spalten\n"},
	} {
		if got := Wrap(c.line, 2, 20); got != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

// FuzzFormat looks for lines that are too wide although they could have been broken, and for
// words that are lost.
func FuzzFormat(f *testing.F) {
	f.Add("a\tb c d\te\n\nlong/names/are_broken\tx\n", 20)
	f.Add("tensor\ttype\tshape\nfeatures.weight\tFLOAT\t[1,2,3]\n", 12)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 10 + int(uint(width)%100)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\v\f\u0085\u00a0") {
			t.Skip()
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		words := 0
		for word := range strings.FieldsSeq(text) {
			words = max(words, length(word))
		}
		got := Format(text, width)
		if words <= width/2 && !strings.Contains(text, "\t") {
			for line := range strings.Lines(got) {
				if length(strings.TrimRight(line, " \n")) > width && length(line)-length(strings.TrimLeft(line, " ")) < width/2 {
					t.Errorf("%q is wider than %d", line, width)
				}
			}
		}
		count := func(s string) (n map[rune]int) {
			n = map[rune]int{}
			for _, r := range squeeze(s) {
				n[r]++
			}
			return n
		}
		before, after := count(text), count(got)
		for r, n := range before {
			if after[r] != n {
				t.Errorf("%q is %d times in the text, and %d times in %q", r, n, after[r], got)
			}
		}
	})
}
