package parallel

import (
	"runtime"
	"sync/atomic"
)

// Workers is a fixed set of goroutines that share loops. The zero of its
// pointer, nil, is valid and runs everything on the calling goroutine.
//
// A Workers may be used by several goroutines: whoever finds it busy, which
// includes a loop started from inside another, runs its own loop serially.
type Workers struct {
	threads int
	busy    atomic.Bool
	jobs    chan *loop
}

// loop is one call of For: chunks are handed out in order to whoever asks. The
// call waits for its chunks, not for its helpers: one that the system has not
// scheduled yet holds nobody up, and finds nothing left to do when it comes.
type loop struct {
	n, grain int
	f        func(lo, hi int)
	next     atomic.Int64 // first index not handed out
	left     atomic.Int64 // indices not finished
	finished chan struct{}
	panicked atomic.Pointer[any]
}

// NewWorkers starts threads-1 goroutines, the caller of For being the last
// thread. Zero or less means runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(threads int) *Workers {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	w := &Workers{threads: threads, jobs: make(chan *loop, threads-1)}
	for range threads - 1 {
		go w.help()
	}
	return w
}

// help runs loops until Close.
func (w *Workers) help() {
	for {
		var l *loop
		open := true
		if !spin(func() (found bool) {
			select {
			case l, open = <-w.jobs:
				return true
			default:
				return false
			}
		}) {
			l, open = <-w.jobs
		}
		if !open {
			return
		}
		l.run()
	}
}

// Threads returns the number of goroutines that For may use, at least 1.
func (w *Workers) Threads() int {
	if w == nil {
		return 1
	}
	return w.threads
}

// Close stops the goroutines. No For may be running or follow.
func (w *Workers) Close() {
	if w != nil {
		close(w.jobs)
	}
}

// For calls f on consecutive ranges [lo, hi) that together cover [0, n), in any
// order and at the same time. Every range but the last is a multiple of grain
// long. It returns when all calls have; a panic in f is raised again here.
func (w *Workers) For(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	chunks := (n + grain - 1) / grain
	if w == nil || w.threads == 1 || chunks == 1 || !w.busy.CompareAndSwap(false, true) {
		f(0, n)
		return
	}
	defer w.busy.Store(false)
	// A few chunks a thread even out cores of unequal speed, or a core that
	// another process takes, without a hand-out for every grain.
	if per := chunks / (8 * w.threads); per > 1 {
		grain *= per
		chunks = (n + grain - 1) / grain
	}
	l := &loop{n: n, grain: grain, f: f, finished: make(chan struct{})}
	l.left.Store(int64(n))
	for range min(w.threads, chunks) - 1 {
		select {
		case w.jobs <- l:
		default: // every helper has been called already
		}
	}
	l.run()
	if !spin(func() bool { return l.left.Load() == 0 }) {
		<-l.finished
	}
	if p := l.panicked.Load(); p != nil {
		panic(*p)
	}
}

// run takes chunks until none is left.
func (l *loop) run() {
	for {
		hi := int(l.next.Add(int64(l.grain)))
		lo := hi - l.grain
		if lo >= l.n {
			return
		}
		l.chunk(lo, min(hi, l.n))
	}
}

func (l *loop) chunk(lo, hi int) {
	defer func() {
		if p := recover(); p != nil {
			l.panicked.CompareAndSwap(nil, &p)
		}
		if l.left.Add(int64(lo-hi)) == 0 {
			close(l.finished)
		}
	}()
	l.f(lo, hi)
}
