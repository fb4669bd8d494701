package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// Data movement (Transpose, Slice, Expand, Split, Tile, DepthToSpace …) is a
// strided view of the input. A sum over axes is the adjoint of a view. The gradient
// of either is the other.

// view returns the elements of x that v selects.
func (b *Builder) view(name string, x *Value, v strided.View) *Value {
	return b.emit(x.DType, v.Shape, Op{
		name:   name,
		kernel: &viewKernel{v},
		diff:   func(_, gy *Value) []*Value { return []*Value{b.viewSum(name+".grad", gy, x.Shape, v)} },
	}, x)
}

// viewKernel copies the elements that a view selects.
type viewKernel struct{ view strided.View }

func (k *viewKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	switch d := in[0].Data.(type) {
	case []int64:
		strided.Read(w, k.view, d, out.Int64s())
	case []bool:
		strided.Read(w, k.view, d, out.Bools())
	default:
		strided.Read(w, k.view, in[0].Float32s(), out.Float32s())
	}
}

// viewSum returns an array of the given shape that is zero, plus the elements of y
// at the positions that v selects.
func (b *Builder) viewSum(name string, y *Value, shape []int, v strided.View) *Value {
	return b.emit(nd.Float32, shape, Op{
		name:   name,
		kernel: &viewSumKernel{view: v},
		diff:   func(_, gx *Value) []*Value { return []*Value{b.view(name+".grad", gx, v)} },
	}, y)
}

var (
	_ Companion = (*viewSumKernel)(nil)
	_ Aliaser   = aliasKernel{}
)

// viewSumKernel adds elements at the positions that a view selects. Some sums are
// companions of a matrix product that reads the same input.
type viewSumKernel struct {
	companion
	view strided.View
}

func (k *viewSumKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	x := out.Float32s()
	clear(x)
	strided.Accumulate(w, k.view, x, in[0].Float32s())
}

// Transpose permutes the axes: axis i of the result is axis perm[i] of x.
func (b *Builder) Transpose(x *Value, perm ...int) *Value {
	strides := nd.Strides(x.Shape)
	v := strided.View{Shape: make([]int, len(perm)), Stride: make([]int, len(perm))}
	for i, p := range perm {
		v.Shape[i], v.Stride[i] = x.Shape[p], strides[p]
	}
	if movesNothing(x.Shape, perm) {
		return b.Reshape(x, v.Shape...)
	}
	if back := b.back(x, v); back != nil {
		return back
	}
	inverse := make([]int, len(perm))
	for i, p := range perm {
		inverse[p] = i
	}
	return b.emit(x.DType, v.Shape, Op{
		name:   "Transpose",
		kernel: &viewKernel{v},
		diff:   func(_, gy *Value) []*Value { return []*Value{b.Transpose(gy, inverse...)} },
	}, x)
}

// back returns the value of which x is a view, if v undoes that view, and else nil.
func (b *Builder) back(x *Value, v strided.View) *Value {
	y := behindAliases(x)
	k, ok := kernelOf[*viewKernel](y)
	if !ok || y.Len() != y.in[0].Len() {
		return nil
	}
	if c, ok := compose(v, k.view); !ok || !covers(y.Len(), c) || !dense(c) {
		return nil
	}
	return b.Reshape(y.in[0], v.Shape...)
}

// SwapLast exchanges the last two axes.
func (b *Builder) SwapLast(x *Value) *Value {
	perm := axesUpTo(x.Rank())
	n := len(perm)
	perm[n-1], perm[n-2] = perm[n-2], perm[n-1]
	return b.Transpose(x, perm...)
}

// Expand repeats x along axes of length 1 and along new leading axes.
func (b *Builder) Expand(x *Value, shape []int) *Value {
	if slices.Equal(x.Shape, shape) {
		return x
	}
	return b.view("Expand", x, strided.View{Shape: slices.Clone(shape), Stride: broadcastStrides(x.Shape, shape)})
}

// SumTo is the adjoint of Expand: it sums y over the axes along which an array of
// the given shape would be repeated.
func (b *Builder) SumTo(y *Value, shape []int) *Value {
	if slices.Equal(y.Shape, shape) {
		return y
	}
	if nd.Size(y.Shape) == nd.Size(shape) {
		return b.Reshape(y, shape...)
	}
	return b.viewSum("SumTo", y, slices.Clone(shape), strided.View{Shape: y.Shape, Stride: broadcastStrides(shape, y.Shape)})
}

// Slice returns count elements start, start+step, … along one axis. The step may be
// negative.
func (b *Builder) Slice(x *Value, axis, start, count, step int) *Value {
	if start == 0 && step == 1 && count == x.Shape[axis] {
		return x
	}
	v := strided.View{Shape: slices.Clone(x.Shape), Stride: nd.Strides(x.Shape)}
	v.Offset = start * v.Stride[axis]
	v.Shape[axis] = count
	v.Stride[axis] *= step
	return b.view("Slice", x, v)
}

// mostParts is the largest number of inputs of a Concat. More are joined in steps: Gorgonia compares
// the types of each with all others.
const mostParts = 256

// Concat joins values along an axis.
func (b *Builder) Concat(axis int, xs ...*Value) *Value {
	if len(xs) == 1 {
		return xs[0]
	}
	if len(xs) > mostParts {
		var joined []*Value
		for some := range slices.Chunk(xs, mostParts) {
			joined = append(joined, b.Concat(axis, some...))
		}
		return b.Concat(axis, joined...)
	}
	shape := slices.Clone(xs[0].Shape)
	starts := make([]int, len(xs))
	for i, x := range xs[1:] {
		if x.DType != xs[0].DType {
			fail("Concat: inputs of type %v and %v", xs[0].DType, x.DType)
		}
		if len(x.Shape) != len(shape) {
			fail("Concat: shapes %v and %v", xs[0].Shape, x.Shape)
		}
		for k := range shape {
			if k != axis && x.Shape[k] != shape[k] {
				fail("Concat: shapes %v and %v differ on axis %d", xs[0].Shape, x.Shape, k)
			}
		}
		starts[i+1] = shape[axis]
		shape[axis] += x.Shape[axis]
	}
	strides := nd.Strides(shape)
	part := func(i int) strided.View {
		return strided.View{Shape: xs[i].Shape, Stride: strides, Offset: starts[i] * strides[axis]}
	}
	return b.emit(xs[0].DType, shape, Op{
		name: "Concat",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			for i, a := range in {
				switch d := a.Data.(type) {
				case []int64:
					strided.Write(part(i), out.Int64s(), d)
				case []bool:
					strided.Write(part(i), out.Bools(), d)
				default:
					strided.Write(part(i), out.Float32s(), a.Float32s())
				}
			}
		}),
		diff: func(_, gy *Value) []*Value {
			g := make([]*Value, len(xs))
			for i, x := range xs {
				g[i] = b.Slice(gy, axis, starts[i], x.Shape[axis], 1)
			}
			return g
		},
	}, xs...)
}

// Reshape returns the same elements in another shape of the same size.
func (b *Builder) Reshape(x *Value, shape ...int) *Value {
	if slices.Equal(x.Shape, shape) {
		return x
	}
	if nd.Size(shape) != x.Len() {
		fail("cannot reshape %v to %v", x.Shape, shape)
	}
	return b.emit(x.DType, slices.Clone(shape), Op{
		name:   "Reshape",
		kernel: aliasKernel{shape: slices.Clone(shape)},
		diff:   func(_, gy *Value) []*Value { return []*Value{b.Reshape(gy, x.Shape...)} },
	}, x)
}

// part returns the elements of x from position at on, in the given shape. It has no
// gradient.
func (b *Builder) part(x *Value, at int, shape ...int) *Value {
	return b.emit(nd.Float32, slices.Clone(shape), Op{name: "Part", kernel: aliasKernel{at, slices.Clone(shape)}}, x)
}

// aliasKernel returns the elements of its input from position at on, in another
// shape.
type aliasKernel struct {
	at    int
	shape []int
}

func (k aliasKernel) Run(_ *parallel.Workers, out nd.Array, in []nd.Array) {
	copyArray(out, k.Alias(in[0]))
}

func (k aliasKernel) Alias(in nd.Array) nd.Array {
	lo, hi := k.at, k.at+nd.Size(k.shape)
	switch d := in.Data.(type) {
	case []int64:
		return nd.Array{Shape: k.shape, Data: d[lo:hi]}
	case []bool:
		return nd.Array{Shape: k.shape, Data: d[lo:hi]}
	default:
		return nd.Array{Shape: k.shape, Data: in.Float32s()[lo:hi]}
	}
}

// copyArray copies the elements of an array to another of the same type and size.
func copyArray(to, from nd.Array) {
	switch d := from.Data.(type) {
	case []int64:
		copy(to.Int64s(), d)
	case []bool:
		copy(to.Bools(), d)
	default:
		copy(to.Float32s(), from.Float32s())
	}
}

// addRange adds elements lo to hi of two inputs of one shape.
func addRange(out nd.Array, in []nd.Array, lo, hi int) {
	simd.Add(out.Float32s()[lo:hi], in[0].Float32s()[lo:hi], in[1].Float32s()[lo:hi])
}
