package ops

import (
	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// Kernel computes the output of an operator. The other interfaces of this file are
// capabilities that a kernel may also have. An executor finds them by type
// assertion, and uses them to save passes over memory. A Kernel without any of them
// is complete, and results do not depend on which ones an executor uses, except in
// the rounding of a companion.
type Kernel interface {
	// Run computes out from in. out has the shape of the output, and its elements
	// are undefined before. It does not overlap an input, unless it has the same
	// memory as one that Overwrites names.
	Run(w *parallel.Workers, out nd.Array, in []nd.Array)
}

// Pointwise kernels can compute any range of the output's elements. An element
// depends only on the same element of inputs that have the output's size.
type Pointwise interface {
	Kernel
	// RunRange computes elements lo to hi in the calling thread.
	RunRange(out nd.Array, in []nd.Array, lo, hi int)
}

// Epilogued kernels report which elements of the output they have computed, so that
// pointwise kernels can follow at once.
type Epilogued interface {
	Kernel
	// RunEpilogue is Run with an epilogue.
	RunEpilogue(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue)
}

// Epilogue is the elementwise work that follows a kernel.
type Epilogue struct {
	// Run is called for ranges of elements of the output as soon as they are
	// computed, while they are in cache. It is called from several threads at once,
	// and once for every element.
	Run func(lo, hi int)
	// Reads are arrays of the output's size that Run reads, for prefetching.
	Reads [][]float32
	// Clamp, unless nil, is applied to the output before Run is called. Only
	// ClampingEpilogued kernels accept it.
	Clamp *conv.Clamp
}

// noEpilogue is the epilogue of a kernel that runs by itself.
var noEpilogue = Epilogue{Run: func(lo, hi int) {}}

// ClampingEpilogued kernels apply a clamp to the output while it is in registers.
type ClampingEpilogued interface {
	Epilogued
	ClampsOutput()
}

// Clamper kernels clamp their first input and do nothing else.
type Clamper interface {
	Pointwise
	// Clamp returns the bounds.
	Clamp(in []nd.Array) *conv.Clamp
}

// Fused kernels can compute the outputs of companions in the same pass over their
// inputs.
type Fused interface {
	Kernel
	// RunFused computes out as Run does, and the outputs of companions. The Host of
	// each companion is the operator of this kernel.
	RunFused(w *parallel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun)
}

// Companion kernels read the same inputs as the kernel of another operator, their
// host. The host is Fused and can compute the companion's output as well, possibly
// with sums in another order. An input that the companion overwrites may be one of
// the host's.
type Companion interface {
	Kernel
	// Host returns the host, or nil if there is none.
	Host() *Op
}

// CompanionRun is a companion with its arrays.
type CompanionRun struct {
	Kernel Kernel
	Out    nd.Array
	In     []nd.Array
}

// InPlace kernels can write their output over an input.
type InPlace interface {
	Kernel
	// Overwrites returns the inputs whose memory the output may take. The kernel
	// reads an element of such an input before it writes the same element of the
	// output, and not afterwards.
	Overwrites() []int
}

// Checker kernels accept only some inputs.
type Checker interface {
	Kernel
	// Check reports elements of the inputs that Run cannot work with.
	Check(in []nd.Array) error
}

// Keeper kernels bring weights in another form before they compute with them, and can keep
// that form for the next run.
type Keeper interface {
	Kernel
	// Weights returns the number of the input that holds them.
	Weights() int
	// Form returns the bytes that the form takes for weights and an output of these shapes, or 0 if to
	// make it anew takes next to no time. rounded is set if the program may round factors.
	Form(weights, out []int, rounded bool) int64
	// Keep makes the kernel keep them. It has to be told then of every change: Forget.
	Keep()
	Forget()
}

// Aliaser kernels return elements of their first input in another shape. Run copies
// the elements, for executors that do not alias.
type Aliaser interface {
	Kernel
	// Alias returns the elements, in the memory of in.
	Alias(in nd.Array) nd.Array
}

var (
	_ Pointwise = pointwise{}
	_ Epilogued = pointwise{}
	_ InPlace   = pointwise{}
	_ Clamper   = clamp{}
	_ Epilogued = epilogueFunc(nil)
	_ Checker   = checked{}
)

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

// pointwise is a Pointwise kernel given by a function that computes a range. It is
// also Epilogued, and InPlace if overwrites is not empty.
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

// pointwiseGrain is the number of elements of a pointwise kernel that are computed
// before its epilogue reads them. They fit into the first-level cache.
const pointwiseGrain = 2048

func (k pointwise) Overwrites() []int { return k.overwrites }

// inPlace is embedded in kernels that overwrite the inputs it lists.
type inPlace []int

func (p inPlace) Overwrites() []int { return p }

// clamp is a Clamper.
type clamp struct {
	pointwise
	bounds func(in []nd.Array) *conv.Clamp
}

func (k clamp) Clamp(in []nd.Array) *conv.Clamp { return k.bounds(in) }

// checked is a Checker.
type checked struct {
	runFunc
	check func(in []nd.Array) error
}

func (k checked) Check(in []nd.Array) error { return k.check(in) }

// companion is embedded in Companion kernels.
type companion struct{ host *Op }

func (c companion) Host() *Op { return c.host }
