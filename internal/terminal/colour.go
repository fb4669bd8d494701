package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/advparams/advparams/internal/columns"
)

// Colour is how text is shown where colours are.
type Colour string

// Colours, as SGR parameters (ECMA-48, 8.3.117).
const (
	Red    Colour = "1;31"
	Yellow Colour = "1;33"
	Cyan   Colour = "36"
)

// Paint returns text in a colour if w is a terminal whose user wants colours: NO_COLOR
// (no-color.org), CLICOLOR and CLICOLOR_FORCE (bixense.com/clicolors), TERM.
func Paint(w any, c Colour, text string) string {
	if !colours(Is(w), os.Getenv) {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// colours reports whether to use colours on a terminal, or on something else.
func colours(terminal bool, getenv func(string) string) bool {
	switch force := getenv("CLICOLOR_FORCE"); {
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && getenv("CLICOLOR") != "0" && getenv("TERM") != "dumb"
}

// Width returns how many columns prose on w may have: those of the terminal, from 40 to
// 100, or 80 if there is none.
func Width(w any) int {
	if columns := Columns(w); columns > 0 {
		return min(columns, 100)
	}
	return 80
}

// Columns returns how many columns tables and messages on w may have: those of the terminal, but
// at least 40, or 0 if there is none, and lines are as long as they are.
func Columns(w any) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return max(columns, 40)
		}
	}
	return 0
}

// Message writes a line that the program says: its name, the kind of the message in a colour,
// and a text. On a terminal it is broken between words.
func Message(w io.Writer, c Colour, kind, text string) {
	line := columns.Wrap("advparams: "+kind+text, 2, Columns(w))
	if name := strings.TrimSpace(kind); name != "" {
		line = strings.Replace(line, name, Paint(w, c, name), 1)
	}
	io.WriteString(w, line)
}

// Print writes text, on a terminal with its lines broken between words.
func Print(w io.Writer, text string) { io.WriteString(w, columns.Format(text, Columns(w))) }
