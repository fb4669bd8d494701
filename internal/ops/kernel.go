package ops

import (
	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// Kernel computes the output of an operator. The interfaces below are
// capabilities that a kernel may have besides. An executor finds them by type
// assertion, and uses them to save passes over memory; a Kernel without any of
// them is complete. The results do not depend on what an executor uses.
type Kernel interface {
	// Run computes out, whose elements are undefined before, from in. out has the
	// output's shape. It does not overlap an input, unless it is the same memory
	// as one that InPlace names.
	Run(w *parallel.Workers, out nd.Array, in []nd.Array)
}

// Pointwise kernels compute any range of the output's elements by itself. The
// elements depend on the same elements of inputs of the output's size, and on no
// others of them.
type Pointwise interface {
	Kernel
	// RunRange computes elements lo to hi in the calling thread.
	RunRange(out nd.Array, in []nd.Array, lo, hi int)
}

// Epilogued kernels say which elements of the output they have computed, so that
// pointwise kernels can follow at once.
type Epilogued interface {
	Kernel
	// RunEpilogue is Run with an epilogue.
	RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue)
}

// Epilogue is what follows a kernel elementwise.
type Epilogue struct {
	// Run is called for ranges of elements of the output as soon as they are
	// computed, while they are near in cache: from several threads at once, and
	// once for every element.
	Run func(lo, hi int)
	// Reads are arrays of the output's size that Run reads, for prefetching.
	Reads [][]float32
	// Clamp, unless nil, is applied to the output before Run is called. Only
	// ClampingEpilogued kernels accept one.
	Clamp *conv.Limits
}

// noEpilogue is the epilogue of a kernel that runs by itself.
var noEpilogue = Epilogue{Run: func(lo, hi int) {}}

// ClampingEpilogued kernels apply a clamp to the output while it is in registers.
type ClampingEpilogued interface {
	Epilogued
	ClampsOutput()
}

// Clamper kernels do nothing but clamp their first input.
type Clamper interface {
	Pointwise
	// Clamp returns the bounds.
	Clamp(in []nd.Array) *conv.Limits
}

// Fused kernels compute the outputs of companions in the same pass over their
// inputs.
type Fused interface {
	Kernel
	// RunFused is Run, and computes the outputs of companions, operators whose
	// Host is the operator of this kernel.
	RunFused(w *parallel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun)
}

// Companion kernels read what the kernel of another operator reads, their host,
// which is Fused and can compute their output as well. It may add up in another
// order, and what the companion overwrites may be an input of the host.
type Companion interface {
	Kernel
	// Host returns that operator, nil if there is none.
	Host() *Op
}

// CompanionRun is a companion with the arrays that it is to run on.
type CompanionRun struct {
	Kernel Kernel
	Out    nd.Array
	In     []nd.Array
}

// InPlace kernels can write their output over an input.
type InPlace interface {
	Kernel
	// Overwrites returns the inputs whose memory the output may take. The kernel
	// reads an element of them before it writes that of the output, and not later.
	Overwrites() []int
}

// Checker kernels cannot work with every input.
type Checker interface {
	Kernel
	// Check reports elements of the inputs that Run cannot work with.
	Check(in []nd.Array) error
}

// Aliaser kernels only name elements of their first input anew. Run copies them,
// for machines that do not alias.
type Aliaser interface {
	Kernel
	// Alias returns those elements, in the memory of in.
	Alias(in nd.Array) nd.Array
}

// runFunc is a kernel without capabilities.
type runFunc func(w *parallel.Workers, out nd.Array, in []nd.Array)

func (f runFunc) Run(w *parallel.Workers, out nd.Array, in []nd.Array) { f(w, out, in) }

// epilogueFunc is an Epilogued kernel.
type epilogueFunc func(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue)

func (f epilogueFunc) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	f(w, out, in, noEpilogue)
}

func (f epilogueFunc) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	f(w, out, in, e)
}

// pointwise is a Pointwise kernel of a function that computes a range. It may
// overwrite some inputs, and have an epilogue of its own.
type pointwise struct {
	run        func(out nd.Array, in []nd.Array, lo, hi int)
	overwrites inPlace
}

func (k pointwise) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k pointwise) RunRange(out nd.Array, in []nd.Array, lo, hi int) { k.run(out, in, lo, hi) }

func (k pointwise) RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	w.For(out.Len(), pointwiseGrain, func(lo, hi int) {
		for ; lo < hi; lo += pointwiseGrain {
			end := min(lo+pointwiseGrain, hi)
			k.run(out, in, lo, end)
			e.Run(lo, end)
		}
	})
}

// pointwiseGrain is how many elements of a pointwise kernel are computed before
// its epilogue reads them: few enough for the first level of cache.
const pointwiseGrain = 2048

func (k pointwise) Overwrites() []int { return k.overwrites }

// inPlace lists the inputs that a kernel overwrites; to embed in kernels.
type inPlace []int

func (p inPlace) Overwrites() []int { return p }

// clamp is a pointwise kernel that only clamps its first input.
type clamp struct {
	pointwise
	bounds func(in []nd.Array) *conv.Limits
}

func (k clamp) Clamp(in []nd.Array) *conv.Limits { return k.bounds(in) }

// checked is a kernel that checks its inputs.
type checked struct {
	runFunc
	check func(in []nd.Array) error
}

func (k checked) Check(in []nd.Array) error { return k.check(in) }

// companion names the host of a Companion; to embed in kernels.
type companion struct{ host *Op }

func (c companion) Host() *Op { return c.host }
