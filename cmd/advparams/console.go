package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"text/tabwriter"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/advparams/advparams"
)

// isTerminal reports whether a person looks at w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// note prints a message that is not a result.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "advparams: %s\n", oneLine(fmt.Sprintf(format, args...)))
	}
}

// warn prints a message that --quiet does not suppress.
func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.stderr, "advparams: warning: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// result prints v as JSON if that was asked for, and else what text writes.
func (a *app) result(v any, text func(w io.Writer)) error {
	if a.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// bar is a progress bar on a terminal; elsewhere, as nil, it is nothing.
type bar struct {
	all  *mpb.Progress
	one  *mpb.Bar
	note atomic.Pointer[string]
}

// bar starts a progress bar. It has to be closed.
func (a *app) bar(label string, total int) *bar {
	if a.quiet || !isTerminal(a.stderr) {
		return nil
	}
	b := &bar{all: mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(36))}
	b.one = b.all.New(int64(total), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(label, decor.WC{W: 22, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
			if text := b.note.Load(); text != nil {
				return *text
			}
			return ""
		}), decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)),
	)
	return b
}

// set moves the bar to done, with a note behind it.
func (b *bar) set(done int, format string, args ...any) {
	if b == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	b.note.Store(&text)
	b.one.SetCurrent(int64(done))
}

// close removes the bar.
func (b *bar) close() {
	if b == nil {
		return
	}
	b.one.Abort(true)
	b.all.Wait()
}

// watch shows what happens in a run: a bar for the stage under way, and notices.
type watch struct {
	app   *app
	stage string
	bar   *bar
}

// watch returns one without a bar. It has to be closed.
func (a *app) watch() *watch { return &watch{app: a} }

func (w *watch) progress(p advparams.Progress) {
	if p.Stage != w.stage {
		w.close()
		w.stage, w.bar = p.Stage, w.app.bar(p.Stage, p.Total)
	}
	w.bar.set(p.Done, "%s", p.Text)
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
	w.bar.close()
	w.stage, w.bar = "", nil
}
