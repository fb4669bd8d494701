package main

import (
	"fmt"
	"io"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/internal/terminal"
	"github.com/advparams/advparams/internal/text"
)

// note prints a message that is not a result.
func (a *app) note(format string, args ...any) {
	text := printable.Line(fmt.Sprintf(format, args...))
	switch {
	case a.log != nil:
		a.log.Info(text)
	case !a.quiet:
		terminal.Message(a.stderr, "", "", text)
	}
}

// warn prints a message that --quiet does not suppress.
func (a *app) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); a.log != nil {
		a.log.Warn(printable.Line(text))
	} else {
		a.say(terminal.Yellow, "warning", text)
	}
}

// say prints a line of a kind.
func (a *app) say(c terminal.Colour, kind, text string) {
	terminal.Message(a.stderr, c, kind+": ", printable.Line(text))
}

// result prints v as JSON if that was asked for, and else what write writes.
func (a *app) result(v any, write func(w io.Writer)) error {
	return text.Result(a.stdout, terminal.Columns(a.stdout), a.json, v, write)
}

// bar starts a progress bar, which has to be closed. Where nobody looks it is nil, and
// shows nothing.
func (a *app) bar(label string, total int, timed bool) *terminal.Bar {
	if a.quiet || a.log != nil || !terminal.Is(a.stderr) {
		return nil
	}
	return terminal.NewBar(a.stderr, printable.Line(label), total, timed)
}

// watch shows the progress of a run, and prints its notices. On a terminal there is a bar
// for each stage, elsewhere a line every half minute.
type watch struct {
	app   *app
	stage string
	began time.Time // of the stage
	bar   *terminal.Bar
	lines *terminal.Lines
}

// watch returns a watch, which has to be closed.
func (a *app) watch() *watch {
	w := &watch{app: a}
	if !a.quiet && (a.log != nil || !terminal.Is(a.stderr)) {
		w.lines = terminal.NewLines(30*time.Second, func(line string) { a.note("%s", line) })
	}
	return w
}

func (w *watch) progress(p advparams.Progress) {
	if p.Stage != w.stage {
		w.close()
		w.stage, w.began, w.bar = p.Stage, time.Now(), w.app.bar(p.Stage, p.Total, p.Timed())
	}
	w.bar.Set(p.Done, printable.Line(p.Text))
	w.lines.Set(p.Stage, p.Done, p.Total, p.Text, p.Timed())
}

func (w *watch) notice(n advparams.Notice) {
	w.close()
	if n.Warning() {
		w.app.warn("%s", n.Text)
		return
	}
	w.app.note("%s", n.Text)
}

// close ends a stage.
func (w *watch) close() {
	if w.app.log != nil && w.stage != "" {
		w.app.log.Debug("done", "stage", w.stage, "seconds", time.Since(w.began).Seconds())
	}
	w.bar.Close()
	w.stage, w.bar = "", nil
}
