package terminal

import (
	"io"
	"log/slog"
)

// NewLog returns a logger that writes a line a message: an object if asJSON is set, and
// otherwise key=value. Details are left out unless verbose is set; quiet leaves warnings only.
func NewLog(w io.Writer, asJSON, verbose, quiet bool) *slog.Logger {
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	switch {
	case quiet:
		opt.Level = slog.LevelWarn
	case verbose:
		opt.Level = slog.LevelDebug
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}
