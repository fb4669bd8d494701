package terminal

import (
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bar is a progress bar. A nil Bar shows nothing.
type Bar struct {
	all  *mpb.Progress
	one  *mpb.Bar
	text atomic.Pointer[string]
}

// NewBar starts a progress bar on w. It has to be closed.
func NewBar(w io.Writer, label string, total int) *Bar {
	b := &Bar{all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(36))}
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
