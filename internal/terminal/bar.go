package terminal

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bar is a progress bar. A nil Bar shows nothing.
type Bar struct {
	all  *mpb.Progress
	one  *mpb.Bar
	text atomic.Pointer[string]

	timed bool // whether done says how long the rest takes
	begun time.Time
	total int
}

// NewBar starts a progress bar on w. It has to be closed. If timed is set, progress is as even
// as to tell rate and remaining time from.
func NewBar(w io.Writer, label string, total int, timed bool) *Bar {
	b := &Bar{all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(36)), timed: timed, begun: time.Now(), total: total}
	b.one = b.all.New(int64(total), mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(label, decor.WC{W: 22, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			if text := b.text.Load(); text != nil {
				return *text
			}
			return ""
		}), decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)),
	)
	return b
}

// Set moves the bar to done, with a text behind it.
func (b *Bar) Set(done int, text string) {
	if b == nil {
		return
	}
	if rest := pace(time.Since(b.begun), done, b.total); b.timed && rest != "" {
		text += ", " + rest
	}
	b.text.Store(&text)
	b.one.SetCurrent(int64(done))
}

// Close removes the bar.
func (b *Bar) Close() {
	if b == nil {
		return
	}
	b.one.Abort(true)
	b.all.Wait()
}
