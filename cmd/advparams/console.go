package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/internal/terminal"
)

// note prints a message that is not a result.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "advparams: %s\n", printable.Line(fmt.Sprintf(format, args...)))
	}
}

// warn prints a message that --quiet does not suppress.
func (a *app) warn(format string, args ...any) {
	a.say(terminal.Yellow, "warning", fmt.Sprintf(format, args...))
}

// say prints a line of a kind.
func (a *app) say(c terminal.Colour, kind, text string) {
	fmt.Fprintf(a.stderr, "advparams: %s %s\n", terminal.Paint(a.stderr, c, kind+":"), printable.Line(text))
}

// result prints v as JSON if that was asked for, and else what text writes.
func (a *app) result(v any, text func(w io.Writer)) error {
	if a.json {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		_, err := a.stdout.Write(printable.JSON(b.Bytes()))
		return err
	}
	var b bytes.Buffer // written at once: a tabwriter writes cell by cell
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	text(w)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := a.stdout.Write(b.Bytes())
	return err
}

// bar starts a progress bar, which has to be closed. Where nobody looks it is nil, and
// shows nothing.
func (a *app) bar(label string, total int, timed bool) *terminal.Bar {
	if a.quiet || !terminal.Is(a.stderr) {
		return nil
	}
	return terminal.NewBar(a.stderr, printable.Line(label), total, timed)
}

// watch shows the progress of a run, and prints its notices. On a terminal there is a bar
// for each stage, elsewhere a line every half minute.
type watch struct {
	app   *app
	stage string
	bar   *terminal.Bar
	lines *terminal.Lines
}

// watch returns a watch, which has to be closed.
func (a *app) watch() *watch {
	w := &watch{app: a}
	if !a.quiet && !terminal.Is(a.stderr) {
		w.lines = terminal.NewLines(30*time.Second, func(line string) { a.note("%s", line) })
	}
	return w
}

func (w *watch) progress(p advparams.Progress) {
	if p.Stage != w.stage {
		w.close()
		w.stage, w.bar = p.Stage, w.app.bar(p.Stage, p.Total, p.Timed())
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

// close removes the bar.
func (w *watch) close() {
	w.bar.Close()
	w.stage, w.bar = "", nil
}
