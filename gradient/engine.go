package gradient

import (
	"github.com/advparams/advparams/internal/kernel"
	"github.com/advparams/advparams/internal/ops"
)

// Workers is a fixed set of threads to compute on. Its nil pointer is valid and
// computes on the calling goroutine.
type Workers = kernel.Workers

// NewWorkers starts n threads, the caller's among them. Zero or less means
// runtime.GOMAXPROCS(0). Close stops them.
func NewWorkers(n int) *Workers { return kernel.NewWorkers(n) }

// KernelName names the instruction set that computations use, such as "avx2".
func KernelName() string { return kernel.Name() }

// Support says what can be done with an operator.
type Support struct {
	Forward  bool // it can be computed
	Gradient bool // gradients pass through it
}

// SupportFor returns the support of an operator in a version of its operator set.
// The domain "" means ONNX's own.
func SupportFor(domain, name string, opset int64) Support {
	op, ok := ops.Lookup(domain, name)
	ok = ok && opset >= int64(op.Since)
	return Support{Forward: ok, Gradient: ok && ops.WithoutGradient(name) == ""}
}
