package gradient

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Workers is a fixed set of threads to compute on. A nil *Workers is valid and
// computes on the calling goroutine.
type Workers = parallel.Workers

// NewWorkers starts n threads, of which the caller's is one. If n is 0 or less,
// there are runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(n int) *Workers { return parallel.NewWorkers(n) }

// KernelName returns the name of the instruction set in use, such as "avx2".
func KernelName() string { return simd.Name() }
