package ops

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/advparams/advparams/internal/kernel"
	"github.com/advparams/advparams/nd"
	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Op is one operator in a graph: a function of arrays with its gradient. It is
// a gorgonia.SDOp, so that gorgonia.Grad can differentiate through it.
type Op struct {
	name string
	// run computes out, whose elements are undefined before, from in.
	run func(w *kernel.Workers, out nd.Array, in []nd.Array)
	// runThen, unless nil, is there instead of run: it calls then, in any thread,
	// for ranges of elements of out as soon as they are computed.
	runThen func(w *kernel.Workers, out nd.Array, in []nd.Array, then Then)
	// pointwise, unless nil, is there instead of run: it computes elements lo to
	// hi of out, which depend only on the same elements of inputs of that size.
	pointwise func(out nd.Array, in []nd.Array, lo, hi int)
	// runBeside, unless nil, is run and computes the outputs of operators beside this
	// one as well.
	runBeside func(w *kernel.Workers, out nd.Array, in []nd.Array, beside []Beside)
	// beside, unless nil, is an operator that reads what this one reads and whose
	// runBeside computes the output of this one as well, if it adds up in another order,
	// and no longer needs what this one overwrites.
	beside *Op
	// limited says that runThen applies limits, and limits is there if that is what
	// pointwise does to its first input.
	limited bool
	limits  func(in []nd.Array) *kernel.Limits
	// among adds the output of an operator beside another to what that computes.
	among func(c *convGradients, out nd.Array, in []nd.Array)
	// diff returns the gradient with respect to each input, given the gradient
	// gy with respect to the output y; nil for those without one. A nil diff
	// means that nothing has one.
	diff func(y, gy *Value) []*Value
	// noGrad names float inputs without a gradient.
	noGrad []int
	// check reports elements of the inputs that run cannot work with, such as an
	// index out of range; nil where it works with any.
	check func(in []nd.Array) error
	// alias says that the output has the elements of input 0 in their order, from
	// element at on, so that an executor need not run it.
	alias bool
	at    int
	// overwrites names the inputs whose memory the output may take: run reads an
	// element of them before it writes that of the output, and not later.
	overwrites []int
	// conv describes a Conv or ConvTranspose, product a Gemm, view a strided view;
	// see fuse.go. weight is the ConvWeight of the same convolution as a ConvTranspose
	// that is a gradient.
	conv    *kernel.Conv
	weight  *Op
	product *kernel.Product
	view    *kernel.View
	// factor is that of a Scale; lastAxis says of a Softmax that it is along it.
	factor   float32
	lastAxis bool

	b   *Builder
	id  uint64
	in  []*Value
	out *Value
}

// Name returns the ONNX operator's name, with a suffix for parts of a gradient.
func (o *Op) Name() string { return o.name }

// ID numbers the operators of a graph in the order they were made, in which
// every operator comes behind those that compute its inputs.
func (o *Op) ID() uint64 { return o.id }

// Alias reports whether the output has elements of input 0 in their order.
func (o *Op) Alias() bool { return o.alias }

// Aliased returns those elements.
func (o *Op) Aliased(in nd.Array) nd.Array {
	lo, hi := o.at, o.at+o.out.Len()
	switch d := in.Data.(type) {
	case []int64:
		return nd.Array{Shape: o.out.Shape, Data: d[lo:hi]}
	case []bool:
		return nd.Array{Shape: o.out.Shape, Data: d[lo:hi]}
	default:
		return nd.Array{Shape: o.out.Shape, Data: in.Float32s()[lo:hi]}
	}
}

// Overwrites returns the inputs whose memory the output may take.
func (o *Op) Overwrites() []int { return o.overwrites }

// Check reports elements of the inputs that Run cannot work with, such as an
// index out of range. Run may panic on inputs that were not checked.
func (o *Op) Check(in []nd.Array) error {
	if o.check == nil {
		return nil
	}
	if err := o.check(in); err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	return nil
}

// Run computes the output into out, which must have the output's shape. out
// must not overlap an input, unless it is the same memory as one of Overwrites.
func (o *Op) Run(w *kernel.Workers, out nd.Array, in []nd.Array) {
	switch {
	case o.pointwise != nil || o.runThen != nil:
		o.RunThen(w, out, in, Then{Run: func(lo, hi int) {}})
	default:
		o.run(w, out, in)
	}
}

// Pointwise reports whether RunPart can compute a part of the output.
func (o *Op) Pointwise() bool { return o.pointwise != nil }

// RunPart computes elements lo to hi of the output of a pointwise operator in
// the calling thread. These depend on the same elements of inputs of the
// output's size, and on no others of them.
func (o *Op) RunPart(out nd.Array, in []nd.Array, lo, hi int) { o.pointwise(out, in, lo, hi) }

// Then is what follows an operator elementwise.
type Then struct {
	// Run is called for ranges of elements of the output as soon as they are
	// computed, while they are near in cache: from several threads at once, and
	// once for every element.
	Run func(lo, hi int)
	// Reads are arrays of the output's size that Run reads, for fetching ahead.
	Reads [][]float32
	// Limits, unless nil, are applied to the output before Run is called; only
	// operators that are Limited do.
	Limits *kernel.Limits
}

// Limited reports whether RunThen applies limits.
func (o *Op) Limited() bool { return o.limited }

// Limits returns the limits that the operator applies to its first input, if that
// is all it does.
func (o *Op) Limits(in []nd.Array) (l *kernel.Limits, ok bool) {
	if o.limits == nil {
		return nil, false
	}
	return o.limits(in), true
}

// Stages reports whether RunThen says how far it is.
func (o *Op) Stages() bool { return o.pointwise != nil || o.runThen != nil }

// RunThen is Run with something that follows.
func (o *Op) RunThen(w *kernel.Workers, out nd.Array, in []nd.Array, then Then) {
	if o.runThen != nil {
		o.runThen(w, out, in, then)
		return
	}
	w.For(out.Len(), pointwiseGrain, func(lo, hi int) {
		for ; lo < hi; lo += pointwiseGrain {
			end := min(lo+pointwiseGrain, hi)
			o.pointwise(out, in, lo, end)
			then.Run(lo, end)
		}
	})
}

// pointwiseGrain is how many elements of a pointwise operator are computed
// before what follows reads them: few enough for the first level of cache.
const pointwiseGrain = 2048

// Beside returns an operator whose RunBeside computes the output of this one as
// well, or nil. What this one overwrites may be an input of the other.
func (o *Op) Beside() *Op { return o.beside }

// Beside is an operator that runs beside another.
type Beside struct {
	Op  *Op
	Out nd.Array
	In  []nd.Array
}

// RunBeside is Run, and computes the outputs of operators whose Beside this is.
func (o *Op) RunBeside(w *kernel.Workers, out nd.Array, in []nd.Array, beside []Beside) {
	o.runBeside(w, out, in, beside)
}

func (o *Op) compute(w *kernel.Workers, in []nd.Array) nd.Array {
	if o.alias {
		return o.Aliased(in[0])
	}
	out := nd.New(o.out.DType, o.out.Shape...)
	o.Run(w, out, in)
	return out
}

// Arity, Type and InferShape describe the operator to Gorgonia's type system.
// All is known when the operator is made, so that its type is concrete.
func (o *Op) Arity() int { return len(o.in) }

// Type returns the concrete function type.
func (o *Op) Type() hm.Type {
	t := make([]hm.Type, 0, len(o.in)+1)
	for _, v := range o.in {
		t = append(t, typeOf(v))
	}
	return hm.NewFnType(append(t, typeOf(o.out))...)
}

// InferShape returns the output's shape.
func (o *Op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape(o.out.Shape), nil
}

// DiffWRT says which inputs have a gradient.
func (o *Op) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	if o.diff == nil {
		return wrt
	}
	for i, v := range o.in {
		wrt[i] = v.DType == nd.Float32
	}
	for _, i := range o.noGrad {
		wrt[i] = false
	}
	return wrt
}

// SymDiff returns the nodes of the gradients with respect to the inputs.
func (o *Op) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (nodes gorgonia.Nodes, err error) {
	err = Catch(func() {
		gy, err := o.b.Value(grad)
		if err != nil {
			fail("%w", err)
		}
		wrt := o.DiffWRT(len(o.in))
		for i, g := range o.diff(o.out, gy) {
			switch {
			case !wrt[i]:
				nodes = append(nodes, nil)
			case g == nil:
				nodes = append(nodes, o.b.Node(o.b.Full(0, o.in[i].Shape...)))
			default:
				nodes = append(nodes, o.b.Node(g))
			}
		}
	})
	return nodes, err
}

// Do runs the operator on Gorgonia's values; its own machines call it.
func (o *Op) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	in := make([]nd.Array, len(values))
	for i, v := range values {
		in[i] = arrayOf(v, o.in[i].Shape)
	}
	if err := o.Check(in); err != nil {
		return nil, err
	}
	return valueOf(o.compute(nil, in)), nil
}

// ReturnsPtr and the following tell Gorgonia's machines that the operator
// allocates its output anew and touches nothing else.
func (o *Op) ReturnsPtr() bool { return false }

// CallsExtern is false: no cgo.
func (o *Op) CallsExtern() bool { return false }

// OverwritesInput is -1: none.
func (o *Op) OverwritesInput() int { return -1 }

// WriteHash writes the operator's identity. Gorgonia merges nodes of equal hash,
// which is 32 bits short, so every operator is different.
func (o *Op) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "advparams.%d", o.id)
}

// Hashcode returns the hash of WriteHash.
func (o *Op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *Op) String() string { return fmt.Sprintf("%s.%d", o.name, o.id) }

func dtypeOf(t nd.DType) tensor.Dtype {
	switch t {
	case nd.Int64:
		return tensor.Int64
	case nd.Bool:
		return tensor.Bool
	default:
		return tensor.Float32
	}
}

func typeOf(v *Value) hm.Type {
	if len(v.Shape) == 0 {
		return dtypeOf(v.DType)
	}
	return gorgonia.TensorType{Dims: len(v.Shape), Of: dtypeOf(v.DType)}
}

func arrayOf(v gorgonia.Value, shape []int) nd.Array {
	switch d := v.Data().(type) {
	case float32:
		return nd.Array{Shape: shape, Data: []float32{d}}
	case int64:
		return nd.Array{Shape: shape, Data: []int64{d}}
	case bool:
		return nd.Array{Shape: shape, Data: []bool{d}}
	default:
		return nd.Array{Shape: shape, Data: d}
	}
}

func valueOf(a nd.Array) gorgonia.Value {
	if len(a.Shape) > 0 {
		return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Data))
	}
	switch d := a.Data.(type) {
	case []int64:
		return gorgonia.NewI64(d[0])
	case []bool:
		return gorgonia.NewB(d[0])
	default:
		return gorgonia.NewF32(a.Float32s()[0])
	}
}
