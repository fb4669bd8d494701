package ops

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

// Builder makes the values of one graph.
type Builder struct {
	Graph   *gorgonia.ExprGraph
	Workers *parallel.Workers // for what is computed while compiling
	Limits  Limits

	folded  int64   // bytes computed while compiling
	worked  float64 // multiplications of all operators
	values  map[*gorgonia.Node]*Value
	initial map[*Value]nd.Array // of weights, and of what was computed from them
	samples map[*Value]nd.Array // of inputs
	assumed map[*Value]bool     // what samples and weights decided something with them
	sampled map[*Value]bool     // whether a value depends on a sample
	nextID  uint64
	draws   uint64 // nodes that have drawn numbers
	index   nodeIndex
}

// NewBuilder returns a Builder with an empty graph.
func NewBuilder(w *parallel.Workers) *Builder {
	g := gorgonia.NewGraph()
	return &Builder{
		Graph:   g,
		index:   newNodeIndex(g),
		Workers: w,
		Limits:  defaultLimits,
		values:  map[*gorgonia.Node]*Value{},
		initial: map[*Value]nd.Array{},
		samples: map[*Value]nd.Array{},
		assumed: map[*Value]bool{},
		sampled: map[*Value]bool{},
	}
}

// Variable returns a leaf whose elements are bound at run time.
func (b *Builder) Variable(name string, t nd.DType, shape ...int) *Value {
	v := &Value{DType: t, Shape: shape, name: name}
	b.Node(v)
	return v
}

// Weight returns a Variable for a trained parameter. Its present elements are used
// for what must be known at compile time, such as the scales of Resize.
func (b *Builder) Weight(name string, a nd.Array) *Value {
	v := b.Variable(name, a.DType(), a.Shape...)
	b.initial[v] = a
	return v
}

// Sample sets the elements that a variable will have. If a shape depends on them,
// the graph is built for these elements, and Assumed reports it.
func (b *Builder) Sample(v *Value, a nd.Array) { b.samples[v] = a }

// Assumed reports whether the graph is valid only for the sample of an input, or for the
// present elements of a weight, because something was decided by samples and that weight.
func (b *Builder) Assumed(v *Value) bool { return b.assumed[v] }

// deciding reports whether samples have decided something, so that the graph is valid for
// these alone.
func (b *Builder) deciding() bool {
	for v := range b.samples {
		if b.assumed[v] {
			return true
		}
	}
	return false
}

// dependsOnSample reports whether a value is computed from a sample.
func (b *Builder) dependsOnSample(v *Value) bool {
	is, known := b.sampled[v]
	if !known {
		_, is = b.samples[v]
		for _, x := range v.in {
			is = b.dependsOnSample(x) || is
		}
		b.sampled[v] = is
	}
	return is
}

// assume notes that a decision depends on a value.
func (b *Builder) assume(v *Value) {
	if b.assumed[v] {
		return
	}
	b.assumed[v] = true
	for _, x := range v.in {
		b.assume(x)
	}
}

// Work returns the multiplications of all operators so far.
func (b *Builder) Work() int64 { return int64(b.worked) }

// Const returns a value with known elements.
func (b *Builder) Const(a nd.Array) *Value {
	return &Value{DType: a.DType(), Shape: a.Shape, data: a.Data}
}

// Scalar returns a constant float32 of rank 0.
func (b *Builder) Scalar(f float32) *Value { return b.Const(nd.Scalar(f)) }

// Full returns a float32 value with all elements f.
func (b *Builder) Full(f float32, shape ...int) *Value {
	return b.Expand(b.Scalar(f), shape)
}

// Ints returns a constant int64 vector.
func (b *Builder) Ints(v ...int) *Value {
	data := make([]int64, len(v))
	for i, x := range v {
		data[i] = int64(x)
	}
	return b.Const(nd.Of(data, len(v)))
}

// Known returns the elements of v if they depend only on constants, the present
// weights and sampled inputs. A decision that is based on them has no gradient.
func (b *Builder) Known(v *Value) (nd.Array, bool) {
	a, ok := b.known(v)
	if ok && b.dependsOnSample(v) {
		b.assume(v)
	}
	return a, ok
}

func (b *Builder) known(v *Value) (nd.Array, bool) {
	if a, ok := v.Constant(); ok {
		return a, true
	}
	if a, ok := b.initial[v]; ok {
		return a, true
	}
	if a, ok := b.samples[v]; ok {
		return a, true
	}
	if v.op == nil {
		return nd.Array{}, false
	}
	in := make([]nd.Array, len(v.in))
	for i, x := range v.in {
		var ok bool
		if in[i], ok = b.known(x); !ok {
			return nd.Array{}, false
		}
	}
	if v.op.Check(in) != nil {
		return nd.Array{}, false
	}
	b.folds(v.op)
	a := v.op.compute(b.Workers, in)
	b.initial[v] = a
	return a, true
}

// Node returns the Gorgonia node of v. A constant gets its node when it is first
// asked for.
func (b *Builder) Node(v *Value) *gorgonia.Node {
	if v.node == nil {
		b.index.ahead(len(b.Graph.AllNodes()))
		b.nextID++
		name := fmt.Sprintf("%s#%d", v.name, b.nextID)
		v.node = gorgonia.NewTensor(b.Graph, dtypeOf(v.DType), len(v.Shape),
			gorgonia.WithShape(v.Shape...), gorgonia.WithName(name))
		b.values[v.node] = v
	}
	return v.node
}

// Value returns the value of a node of the graph. The only nodes that Gorgonia
// makes itself are the sums of gradients that reach a value along several paths.
func (b *Builder) Value(n *gorgonia.Node) (*Value, error) {
	if v, ok := b.values[n]; ok {
		return v, nil
	}
	if c, ok := n.Value().(*gorgonia.F32); ok && n.Op() != nil && n.Op().Arity() == 0 {
		v := b.Scalar(c.Data().(float32)) // Grad's seed
		v.node = n
		b.values[n] = v
		return v, nil
	}
	var in []*Value
	for it := b.Graph.From(n.ID()); it.Next(); {
		x, err := b.Value(it.Node().(*gorgonia.Node))
		if err != nil {
			return nil, err
		}
		in = append(in, x)
	}
	if len(in) == 1 { // an edge per pair of nodes: x + x
		in = append(in, in[0])
	}
	if n.Op() == nil || n.Op().String() != "+ false" || len(in) != 2 {
		return nil, fmt.Errorf("unexpected node %v in the graph of gradients", n)
	}
	v := &Value{DType: nd.Float32, Shape: slices.Clone([]int(n.Shape())), node: n, in: in}
	b.nextID++
	v.op = &Op{name: "Sum", b: b, id: b.nextID, out: v, in: in, kernel: pointwise{addRange, inPlace{0, 1}}}
	b.values[n] = v
	return v, nil
}

// emit adds an operator to the graph, or computes it at once if all inputs are
// known.
func (b *Builder) emit(t nd.DType, shape []int, o Op, in ...*Value) *Value {
	b.checkSize(o.name, shape)
	op := o
	v := &Value{DType: t, Shape: shape, op: &op, in: in}
	b.nextID++
	op.b, op.id, op.out, op.in = b, b.nextID, v, in
	b.spend(o.name, work(&op))
	known := make([]nd.Array, len(in))
	allKnown := true
	for i, x := range in {
		a, ok := x.Constant()
		allKnown = allKnown && ok
		known[i] = a
	}
	if allKnown {
		if err := op.Check(known); err != nil {
			fail("%w", err)
		}
		b.folds(&op)
		return b.Const(op.compute(b.Workers, known))
	}
	nodes := make([]*gorgonia.Node, len(in))
	for i, x := range in {
		nodes[i] = b.Node(x)
	}
	b.index.ahead(len(b.Graph.AllNodes()))
	n, err := gorgonia.ApplyOp(&op, nodes...)
	if err != nil {
		fail("%s: %w", o.name, err)
	}
	v.node = n
	b.values[n] = v
	return v
}
