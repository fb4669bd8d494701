package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// mask: OneHot (opset 9; negative indices: 11), Trilu (opset 14), EyeLike (opset
// 9). Their values are chosen by the position of an element.

// oneHot returns a bool value with a new axis of length depth, which is true at the
// index. A negative index counts from the end. For an index out of range, all are
// false.
func (b *Builder) oneHot(index *Value, axis, depth int) *Value {
	shape := slices.Insert(slices.Clone(index.Shape), axis, depth)
	inner := nd.Size(index.Shape[axis:])
	return b.emit(nd.Bool, shape, Op{
		name: "OneHot",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Bools()
			clear(y)
			for i, k := range in[0].Int64s() {
				if k < 0 {
					k += int64(depth)
				}
				if k >= 0 && k < int64(depth) {
					y[(i/inner*depth+int(k))*inner+i%inner] = true
				}
			}
		}),
	}, index)
}

func buildOneHot(c *Call) []*Value {
	index, depth, values := c.Cast(c.Input(0), nd.Int64), 0, c.Input(2)
	if c.Input(1).DType == nd.Float32 {
		if f := c.KnownFloats(1); len(f) == 1 && f[0] >= 0 && f[0] <= maxElements {
			depth = int(f[0])
		}
	} else {
		depth = c.knownInt(1)
	}
	if depth < 1 {
		c.fail("a depth that is no positive number")
	}
	if !slices.Equal(values.Shape, []int{2}) {
		c.fail("values of shape %v; the values for off and on are expected", values.Shape)
	}
	axis := c.Axis(c.Int("axis", -1), index.Rank()+1)
	off, on := c.Reshape(c.Slice(values, 0, 0, 1, 1)), c.Reshape(c.Slice(values, 0, 1, 1, 1))
	return []*Value{c.Where(c.oneHot(index, axis, depth), on, off)}
}

// diagonals returns a bool matrix that is true where keep is true for the number of
// the diagonal. 0 is the main diagonal, and positive numbers are above it.
func (b *Builder) diagonals(rows, columns int, keep func(diagonal int) bool) *Value {
	shape := []int{rows, columns}
	return b.emit(nd.Bool, shape, Op{
		name: "Diagonals",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, _ []nd.Array) {
			y := out.Bools()
			for i := range y {
				y[i] = keep(i%columns - i/columns)
			}
		}),
	})
}

// zero returns a constant scalar of a type.
func (b *Builder) zero(t nd.DType) *Value { return b.Const(nd.New(t)) }

func buildTrilu(c *Call) []*Value {
	x, k := c.Input(0), 0
	if x.Rank() < 2 {
		c.fail("input of shape %v", x.Shape)
	}
	if c.Optional(1) != nil {
		k = c.knownInt(1)
	}
	if x.Len() == 0 {
		return []*Value{x}
	}
	upper := c.Bool("upper", true)
	keep := c.diagonals(x.Shape[x.Rank()-2], x.Shape[x.Rank()-1], func(d int) bool { return upper && d >= k || !upper && d <= k })
	return []*Value{c.Where(keep, x, c.zero(x.DType))}
}

func buildEyeLike(c *Call) []*Value {
	x := c.Input(0)
	if x.Rank() != 2 {
		c.fail("input of shape %v is not a matrix", x.Shape)
	}
	t := x.DType
	if c.Has("dtype") {
		to := onnxpb.TensorProto_DataType(c.Int("dtype", 0))
		var ok bool
		if t, ok = DTypeOf(to); !ok {
			unsupported("elements of type %v", to)
		}
	}
	k := c.Int("k", 0)
	return []*Value{c.Cast(c.diagonals(x.Shape[0], x.Shape[1], func(d int) bool { return d == k }), t)}
}

var masks = family{
	"OneHot":  {9, buildOneHot},
	"Trilu":   {14, buildTrilu},
	"EyeLike": {9, buildEyeLike},
}
