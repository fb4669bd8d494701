package parallel

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/advparams/advparams/internal/kernel/simd"
)

// Workers is a fixed set of goroutines that share loops. A nil *Workers is valid and runs
// everything on the calling goroutine.
//
// Several goroutines may use a Workers. A loop that finds it busy runs serially, on the
// goroutine that started it. This includes loops started from inside another loop.
type Workers struct {
	threads int
	busy    *atomic.Bool
	jobs    chan *loop
	rounds  bool
}

// loop is one call of For. Goroutines ask for chunks and get them in order. The call waits
// for its chunks and not for its helpers: a helper that the system has not scheduled yet
// holds nobody up, and finds nothing left to do when it arrives.
type loop struct {
	n, grain int
	f        func(lo, hi int)
	flush    bool         // as the goroutine that waits for it; see simd.FlushSubnormals
	next     atomic.Int64 // first index that is not handed out yet
	left     atomic.Int64 // indices that are not finished yet
	finished chan struct{}
	panicked atomic.Pointer[any]
}

// NewWorkers starts threads-1 goroutines; the caller of For is the last thread. If threads
// is zero or less, it is runtime.GOMAXPROCS(0). Close stops the goroutines.
func NewWorkers(threads int) *Workers {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	w := &Workers{threads: threads, busy: new(atomic.Bool), jobs: make(chan *loop, threads-1)}
	for range threads - 1 {
		go w.help()
	}
	return w
}

// help runs loops until Close. Weights may lie in a mapped file that another process
// cuts off: that is a panic, which For raises again on the goroutine of its caller.
func (w *Workers) help() {
	debug.SetPanicOnFault(true)
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

// Rounding returns the same threads for kernels that may round the factors of products to
// bfloat16, eight bits, where the processor is faster at that.
func (w *Workers) Rounding() *Workers {
	same := Workers{threads: 1}
	if w != nil {
		same = *w
	}
	same.rounds = true
	return &same
}

// Rounds reports whether that may be done.
func (w *Workers) Rounds() bool { return w != nil && w.rounds }

// Alone returns the calling goroutine, for kernels that may do what w may.
func (w *Workers) Alone() *Workers {
	if !w.Rounds() {
		return nil
	}
	return (*Workers)(nil).Rounding()
}

// Close stops the goroutines. No For may be running, or be called afterwards.
func (w *Workers) Close() {
	if w != nil {
		close(w.jobs)
	}
}

// For calls f for consecutive ranges [lo, hi) that together cover [0, n), in any order and
// concurrently. The length of every range but the last is a multiple of grain. For returns
// when all calls have returned. A panic in f is raised again by For.
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
	// A few chunks for each thread even out cores of unequal speed, and a core that another
	// process takes, without handing out every grain by itself.
	if per := chunks / (8 * w.threads); per > 1 {
		grain *= per
		chunks = (n + grain - 1) / grain
	}
	l := &loop{n: n, grain: grain, f: f, flush: simd.Flushing(), finished: make(chan struct{})}
	l.left.Store(int64(n))
	for range min(w.threads, chunks) - 1 {
		select {
		case w.jobs <- l:
		default: // every helper has been called
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

// run computes chunks until none is left.
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
	if l.flush {
		defer simd.FlushSubnormals()()
	}
	l.f(lo, hi)
}
