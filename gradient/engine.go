package gradient

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Workers is a fixed set of threads to compute on. Its nil pointer is valid and
// computes on the calling goroutine.
type Workers = parallel.Workers

// NewWorkers starts n threads, the caller's among them. Zero or less means
// runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(n int) *Workers { return parallel.NewWorkers(n) }

// KernelName names the instruction set that computations use, such as "avx2".
func KernelName() string { return simd.Name() }
