package ops

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// Op is one operator in a graph: a kernel that computes its output from its inputs,
// and a rule for its gradient. It is a gorgonia.SDOp (see sdop.go), so that
// gorgonia.Grad can differentiate it.
type Op struct {
	name string
	// kernel computes the output. It may have the capabilities in kernel.go.
	kernel Kernel
	// diff returns the gradient with respect to each input, given the gradient gy
	// with respect to the output y. A nil gradient stands for zeros. If diff is
	// nil, no input has a gradient.
	diff func(y, gy *Value) []*Value
	// noGrad names float inputs without a gradient.
	noGrad []int
	// more is the work in multiplications, besides that in proportion to the elements of
	// inputs and output and that of products and convolutions (see work.go).
	more float64
	// multiplied is the multiply-adds of a kernel that products does not know.
	multiplied float64

	b   *Builder
	id  uint64
	in  []*Value
	out *Value
}

// Name returns the ONNX operator's name, with a suffix for parts of a gradient.
func (o *Op) Name() string { return o.name }

// ID numbers the operators of a graph in the order they were made. An operator
// has a larger number than those that compute its inputs.
func (o *Op) ID() uint64 { return o.id }

// Kernel returns the kernel, for type assertions to its capabilities.
func (o *Op) Kernel() Kernel { return o.kernel }

// Alias reports whether the output shares the memory of input 0. The kernel is then
// an Aliaser, and need not run.
func (o *Op) Alias() bool {
	_, ok := o.kernel.(Aliaser)
	return ok
}

// Host returns the operator whose kernel can compute this output as well, or nil.
func (o *Op) Host() *Op {
	if c, ok := o.kernel.(Companion); ok {
		return c.Host()
	}
	return nil
}

// Overwrites returns the inputs whose memory the output may take; see InPlace.
func (o *Op) Overwrites() []int {
	if k, ok := o.kernel.(InPlace); ok {
		return k.Overwrites()
	}
	return nil
}

// Check returns an error if the kernel cannot work with the inputs, such as for an
// index out of range. A kernel may panic on inputs that were not checked.
func (o *Op) Check(in []nd.Array) error {
	if c, ok := o.kernel.(Checker); ok {
		if err := c.Check(in); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// compute returns the output, in new memory unless it is an alias.
func (o *Op) compute(w *parallel.Workers, in []nd.Array) nd.Array {
	if a, ok := o.kernel.(Aliaser); ok {
		return a.Alias(in[0])
	}
	out := nd.New(o.out.DType, o.out.Shape...)
	o.kernel.Run(w, out, in)
	return out
}

// kernelOf returns the kernel of the operator that computes v; ok is false if there
// is none of type K. Patterns are recognised by it.
func kernelOf[K Kernel](v *Value) (k K, ok bool) {
	if v.op == nil {
		return k, false
	}
	k, ok = v.op.kernel.(K)
	return k, ok
}
