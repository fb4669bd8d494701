// Package printable makes text from files safe to print on a terminal.
package printable

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line makes text one line that is safe to print: line ends become "; ", other
// control characters, which could steer the terminal, are escaped.
func Line(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	if utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1: // a terminal may take the byte for a C1 control
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r > 0xffff && unprintable(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case unprintable(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// JSON escapes in JSON what Line does in text: encoding/json leaves the
// controls from U+007F on, and those for directions, as they are.
func JSON(text []byte) []byte {
	if bytes.IndexFunc(text, steering) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case !steering(r):
			out = append(out, text[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}

// steering reports whether a character of JSON can only be part of a string, and is
// not printable.
func steering(r rune) bool { return r >= 0x7f && unprintable(r) }

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
