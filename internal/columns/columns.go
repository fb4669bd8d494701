// Package columns lays out text in columns that fit a terminal.
package columns

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// gap is what stands between two columns.
const gap = 2

// Format aligns lines whose cells are separated by tabs, in at most width columns; a width of 0
// has no end, so that every line of text is a line. Empty lines, and lines without a tab, separate
// tables. A table that is too wide has its cells broken between words, or behind the punctuation
// of names. Where not even that helps, or rows are of different lengths, what stands behind a
// row's first cell is a paragraph. Only words of no punctuation that are longer than a line,
// such as digests, stick out.
func Format(text string, width int) string {
	var b strings.Builder
	var rows [][]string
	flush := func() {
		if len(rows) > 0 {
			table(&b, rows, width)
		}
		rows = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.Contains(line, "\t") {
			rows = append(rows, strings.Split(line, "\t"))
			continue
		}
		flush()
		b.WriteString(Wrap(line, gap, width))
	}
	flush()
	return b.String()
}

// Wrap breaks a line between words, or behind the punctuation of a long name. Lines behind the
// first are indented by more than it is.
func Wrap(line string, more, width int) string {
	if width <= 0 || length(line) <= width {
		return line + "\n"
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	var b strings.Builder
	for i, part := range fill([]string{text}, width-indent, width-indent-more) {
		if i == 1 {
			indent += more
		}
		b.WriteString(strings.Repeat(" ", indent) + part + "\n")
	}
	return b.String()
}

// table writes the rows of a table.
func table(b *strings.Builder, rows [][]string, width int) {
	widths := natural(rows)
	narrow := slices.Clone(widths)
	switch {
	case width <= 0 || fits(rows, widths, width):
		for _, row := range rows {
			write(b, [][]string{row}, widths)
		}
	case uniform(rows) && shrink(narrow, rows, width):
		for _, row := range rows {
			parts := make([][]string, len(row))
			height := 0
			for i, cell := range row {
				parts[i] = fill([]string{cell}, narrow[i], narrow[i])
				height = max(height, len(parts[i]))
			}
			lines := make([][]string, height)
			for k := range lines {
				for _, p := range parts {
					cell := ""
					if k < len(p) {
						cell = p[k]
					}
					lines[k] = append(lines[k], cell)
				}
			}
			write(b, lines, narrow)
		}
	default:
		for _, row := range rows {
			fold(b, row, widths[0], width)
		}
	}
}

// write writes lines of cells in columns. Nothing stands behind the last cell.
func write(b *strings.Builder, lines [][]string, widths []int) {
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			line.WriteString(cell)
			if i+1 < len(cells) {
				line.WriteString(strings.Repeat(" ", widths[i]-length(cell)+gap))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// fold writes the first cell of a row, and behind it the others as a paragraph.
func fold(b *strings.Builder, row []string, first, width int) {
	indent := first + gap
	longest := 0
	for _, cell := range row[1:] {
		for word := range strings.FieldsSeq(cell) {
			longest = max(longest, length(word))
		}
	}
	lead := row[0] + strings.Repeat(" ", indent-length(row[0]))
	if indent > width/2 {
		indent, lead = gap, row[0]+strings.Repeat(" ", gap)
	} else if indent+longest > width {
		indent = gap
	}
	for i, part := range fill(row[1:], width-length(lead), width-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		b.WriteString(strings.TrimRight(lead+part, " ") + "\n")
	}
}

// natural returns how wide the columns of a table would like to be. The last cell of a shorter
// row reaches over the columns behind it.
func natural(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i+1 < len(row) || uniform(rows) {
				widths[i] = max(widths[i], length(cell))
			}
		}
	}
	return widths
}

// uniform reports whether rows are those of a table, rather than labels with what belongs to them.
func uniform(rows [][]string) bool {
	return len(rows) > 1 && !slices.ContainsFunc(rows, func(row []string) bool { return len(row) != len(rows[0]) || len(row) < 3 })
}

// fits reports whether every row fits.
func fits(rows [][]string, widths []int, width int) bool {
	return !slices.ContainsFunc(rows, func(row []string) bool {
		end := 0
		for i, cell := range row {
			if i+1 < len(row) {
				end += widths[i] + gap
			} else {
				end += length(cell)
			}
		}
		return end > width
	})
}

// shrink makes the widest columns narrower until a table fits. No column becomes narrower than
// what cannot be broken in it, and no table has more than three lines of wrapped cells for one
// of the original. It reports whether there is such a table.
func shrink(widths []int, rows [][]string, width int) bool {
	least := make([]int, len(widths))
	for _, row := range rows {
		for i, cell := range row {
			for _, p := range pieces(cell) {
				least[i] = max(least[i], length(p.text))
			}
		}
	}
	for {
		total := gap * (len(widths) - 1)
		widest := -1
		for i, w := range widths {
			total += w
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if total <= width {
			break
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return !slices.ContainsFunc(rows, func(row []string) bool {
		for i, cell := range row {
			if len(fill([]string{cell}, widths[i], widths[i])) > 3 {
				return true
			}
		}
		return false
	})
}

// piece is a part of a text that is not broken, with the spaces that stand before it.
type piece struct {
	spaces int
	text   string
}

// pieces cuts a text between words and behind the punctuation of long ones. Numbers stay whole;
// shapes do not.
func pieces(cell string) []piece {
	var list []piece
	for word := range strings.FieldsSeq(cell) {
		spaces, start := 1, 0
		number := !strings.HasPrefix(word, "[")
		for i, r := range word {
			end := i + utf8.RuneLen(r)
			if strings.ContainsRune("./,_:-", r) && end < len(word) && end-start > 3 && len(word)-end > 1 && !(number && digit(word[i-1]) && digit(word[end])) {
				list = append(list, piece{spaces, word[start:end]})
				start, spaces = end, 0
			}
		}
		list = append(list, piece{spaces, word[start:]})
	}
	if len(list) > 0 {
		list[0].spaces = 0
	}
	return list
}

// fill breaks cells, which it joins by a gap, into a first line and more lines. A word is broken
// only where it does not fit into a line of its own.
func fill(cells []string, first, more int) []string {
	var lines []string
	line, room := "", first
	end := func() {
		lines = append(lines, line)
		line, room = "", more
	}
	for i, cell := range cells {
		if n := length(cell); i > 0 && length(line)+gap+n > room && n <= more { // it stays whole
			end()
		}
		words := strings.Fields(cell)
		for k, word := range words {
			spaces := 1
			if k == 0 && i > 0 {
				spaces = gap
			}
			if line != "" && length(line)+spaces+length(word) > room {
				end()
			}
			if line == "" && length(word) > room && len(lines) == 0 && room < more {
				end()
			}
			if line == "" && length(word) > room {
				for _, p := range pieces(word) {
					if line != "" && length(line)+length(p.text) > room {
						end()
					}
					line += p.text
				}
				continue
			}
			if line != "" {
				line += strings.Repeat(" ", spaces)
			}
			line += word
		}
	}
	return append(lines, line)
}

func digit(b byte) bool { return '0' <= b && b <= '9' }

func length(s string) int { return utf8.RuneCountInString(s) }
