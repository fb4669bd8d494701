package feedback

import (
	"fmt"
	"sync"
)

// Observer passes on what happens in a run. Both functions may be nil.
type Observer struct {
	Progress func(Progress)
	Notice   func(Notice)
}

// Notify passes on a notice.
func (o Observer) Notify(kind NoticeKind, format string, args ...any) {
	if o.Notice != nil {
		o.Notice(Notice{kind, fmt.Sprintf(format, args...)})
	}
}

// Report passes on how far a stage has come.
func (o Observer) Report(stage string, done, total int, text string) {
	if o.Progress != nil {
		o.Progress(Progress{stage, done, total, text})
	}
}

// Counter returns a function that reports how many items of a stage are done; nil if
// nobody wants to know.
func (o Observer) Counter(stage string, total int) func(done int) {
	if o.Progress == nil {
		return nil
	}
	o.Report(stage, 0, total, "")
	return func(done int) { o.Report(stage, done, total, fmt.Sprintf("%d of %d", done, total)) }
}

// Bytes returns a function that is told how many bytes more have been gone through, by
// any goroutine, and reports megabytes; nil if nobody wants to know.
func (o Observer) Bytes(stage string, total int64) func(n int64) {
	if o.Progress == nil {
		return nil
	}
	const unit = 1 << 20
	var mu sync.Mutex
	var done, reported int64
	o.Report(stage, 0, int(total/unit), "")
	return func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		if done += n; done/unit > reported {
			reported = done / unit
			o.Report(stage, int(min(reported, total/unit)), int(total/unit), fmt.Sprintf("%d of %d MiB", reported, total/unit))
		}
	}
}
