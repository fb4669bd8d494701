package terminal

import (
	"os"

	"golang.org/x/term"
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

// Width returns how many columns text on w may have: those of the terminal, from 40 to
// 100, or 80 if there is none.
func Width(w any) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return min(max(columns, 40), 100)
		}
	}
	return 80
}
