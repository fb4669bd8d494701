package gradient

import (
	"github.com/advparams/advparams/internal/kernel"
)

// Workers is a fixed set of threads to compute on. Its nil pointer is valid and
// computes on the calling goroutine.
type Workers = kernel.Workers

// NewWorkers starts n threads, the caller's among them. Zero or less means
// runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(n int) *Workers { return kernel.NewWorkers(n) }

// KernelName names the instruction set that computations use, such as "avx2".
func KernelName() string { return kernel.Name() }
