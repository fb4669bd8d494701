package gradient

import (
	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Workers are what programs compute with: a fixed set of threads, and how much memory they
// may take. A nil *Workers is valid and computes on the calling goroutine.
type Workers struct {
	threads *parallel.Workers
	// Memory is the limit on the bytes that the values of a run take at once, where
	// Config.Memory has none. 0 means one in proportion to what is given (see Config).
	Memory int64
	// Given is how many bytes of files and data justify memory and work. 0 means the
	// files of the model and the arrays of a run. It is for arrays that were not read, but
	// made because the model asks for them.
	Given int64
}

// NewWorkers starts n threads, of which the caller's is one. If n is 0 or less,
// there are runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(n int) *Workers { return &Workers{threads: parallel.NewWorkers(n)} }

// Threads returns the number of threads, at least 1.
func (w *Workers) Threads() int { return w.pool().Threads() }

// Close stops the threads. Nothing may be computed with them, or be computing.
func (w *Workers) Close() { w.pool().Close() }

// pool returns the threads as kernels take them.
func (w *Workers) pool() *parallel.Workers {
	if w == nil {
		return nil
	}
	return w.threads
}

// workers returns the threads that a program runs on.
func (cfg *Config) workers() *parallel.Workers {
	if cfg.Rounded && CanRound() {
		return cfg.Workers.pool().Rounding()
	}
	return cfg.Workers.pool()
}

// CanRound reports whether Config.Rounded has any effect on this processor.
func CanRound() bool { return amx.Available() }

// KernelName returns the name of the instruction set in use, such as "avx2".
func KernelName() string { return simd.Name() }
