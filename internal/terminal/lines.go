package terminal

import (
	"fmt"
	"sync"
	"time"
)

// Lines is progress where there is no terminal, such as in the log of a batch system: a
// line now and then. A nil Lines prints nothing.
type Lines struct {
	print func(string)
	every time.Duration
	now   func() time.Time

	mutex       sync.Mutex
	begun, last time.Time
	stage       string
	since       time.Time // when the stage began
}

// NewLines returns Lines that print no more often than every so long.
func NewLines(every time.Duration, print func(string)) *Lines {
	l := &Lines{print: print, every: every, now: time.Now}
	l.begun = l.now()
	l.last = l.begun
	return l
}

// Set says how far a stage is: done of total, with a text. It prints a line if it is
// time for one. If timed is set, progress is as even as to tell rate and remaining time from.
func (l *Lines) Set(stage string, done, total int, text string, timed bool) {
	if l == nil {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	if stage != l.stage {
		l.stage, l.since = stage, now
	}
	if now.Sub(l.last) < l.every {
		return
	}
	l.last = now
	line := fmt.Sprintf("%s, %v: %d of %d", stage, now.Sub(l.begun).Round(time.Second), done, total)
	if text != "" {
		line += ", " + text
	}
	if rest := pace(now.Sub(l.since), done, total); timed && rest != "" {
		line += ", " + rest
	}
	l.print(line)
}
