package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/gather"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// scatter: ScatterElements (opset 11; reductions: 16, max and min: 18), Scatter
// (its name in opset 9 and 10), and ScatterND (the same reductions).

// scatter returns x with updates written to the named rows, which have block
// elements each. how is "none", "add", "mul", "max" or "min". With "none" the last
// of several updates of a row wins.
//
// An update gets the gradient of the row to which it was written. With "max" and
// "min", all that equal the result share the gradient evenly, including the element
// of x.
func (b *Builder) scatter(how string, x, rows, updates *Value, block int) *Value {
	switch {
	case x.DType != updates.DType:
		fail("updates of type %v for a value of type %v", updates.DType, x.DType)
	case x.DType == nd.Bool && how != "none":
		fail("reduction %q of type bool", how)
	}
	return b.emit(x.DType, x.Shape, Op{
		name: "Scatter",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			copyArray(out, in[0])
			rows := in[1].Int64s()
			switch y := out.Data.(type) {
			case []int64:
				gather.Scatter(block, y, rows, in[2].Int64s(), combine[int64](how))
			case []bool:
				gather.Scatter(block, y, rows, in[2].Bools(), func(to, from []bool) { copy(to, from) })
			default:
				gather.Scatter(block, out.Float32s(), rows, in[2].Float32s(), combine[float32](how))
			}
		}),
		diff: func(y, gy *Value) []*Value {
			gx, gu := b.scatterGrad(how, x, rows, updates, y, gy, block)
			return []*Value{gx, nil, gu}
		},
	}, x, rows, updates)
}

// combine returns the function that updates a row.
func combine[T float32 | int64](how string) func(to, from []T) {
	merge := func(f func(x, u T) T) func(to, from []T) {
		return func(to, from []T) {
			for i, u := range from {
				to[i] = f(to[i], u)
			}
		}
	}
	switch how {
	case "add":
		return merge(func(x, u T) T { return x + u })
	case "mul":
		return merge(func(x, u T) T { return x * u })
	case "max":
		return merge(func(x, u T) T { return max(x, u) })
	case "min":
		return merge(func(x, u T) T { return min(x, u) })
	default:
		return func(to, from []T) { copy(to, from) }
	}
}

func (b *Builder) scatterGrad(how string, x, rows, updates, y, gy *Value, block int) (gx, gu *Value) {
	taken := func(v *Value) *Value {
		return b.Reshape(b.take(v, rows, 1, v.Len()/max(block, 1), block), updates.Shape...)
	}
	switch how {
	case "add":
		return gy, taken(gy)
	case "mul":
		factors := b.scatter("mul", b.Full(1, x.Shape...), rows, updates, block)
		return b.Mul(gy, factors), b.scatterMulGrad(x, rows, updates, gy, block)
	case "max", "min":
		zero := b.Scalar(0)
		ofX, ofU := b.Equal(x, y), b.Equal(updates, taken(y))
		count := b.scatter("add", b.Cast(ofX, nd.Float32), rows, b.Cast(ofU, nd.Float32), block)
		share := b.Div(gy, count)
		return b.Where(ofX, share, zero), b.Where(ofU, taken(share), zero)
	default:
		return b.scatter("none", gy, rows, b.Full(0, updates.Shape...), block), taken(gy)
	}
}

// scatterMulGrad returns the gradient with respect to updates that were multiplied:
// gy times the other factors of the product. It is right even if a factor is zero.
func (b *Builder) scatterMulGrad(x, rows, updates, gy *Value, block int) *Value {
	return b.emit(nd.Float32, updates.Shape, Op{
		name: "Scatter.grad",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			x, rows, u, gy, gu := slices.Clone(in[0].Float32s()), in[1].Int64s(), in[2].Float32s(), in[3].Float32s(), out.Float32s()
			at := func(j int) int { return int(rows[j/block])*block + j%block }
			for j, v := range u { // the product of what is before …
				gu[j] = x[at(j)]
				x[at(j)] *= v
			}
			copy(x, gy)
			for j := len(u) - 1; j >= 0; j-- { // … and behind
				gu[j] *= x[at(j)]
				x[at(j)] *= u[j]
			}
		}),
	}, x, rows, updates, gy)
}

// reduction reads the attribute of that name.
func (c *Call) reduction() string {
	how := c.String("reduction", "none")
	if !slices.Contains([]string{"none", "add", "mul", "max", "min"}, how) {
		c.fail("reduction %q", how)
	}
	return how
}

func buildScatterElements(c *Call) []*Value {
	x, index, updates := c.Input(0), c.Input(1), c.Input(2)
	axis := c.Axis(c.Int("axis", 0), x.Rank())
	checkElements(x, index, axis)
	if !slices.Equal(index.Shape, updates.Shape) {
		c.fail("indices of shape %v and updates of shape %v", index.Shape, updates.Shape)
	}
	return []*Value{c.scatter(c.reduction(), x, c.elementsAlong(index, x.Shape, axis), updates, 1)}
}

func buildScatterND(c *Call) []*Value {
	x, index, updates := c.Input(0), c.Input(1), c.Input(2)
	k := checkTuples(x, index, 0)
	rows := c.tuples(index, x.Shape[:k], 0)
	if want := slices.Concat(rows.Shape, x.Shape[k:]); !slices.Equal(updates.Shape, want) {
		c.fail("updates of shape %v where the indices call for %v", updates.Shape, want)
	}
	return []*Value{c.scatter(c.reduction(), x, rows, updates, nd.Size(x.Shape[k:]))}
}

// Dense returns an array of zeros with the given elements at the given places: positions [n]
// in the whole array, or places [n, axes] on each axis.
func (b *Builder) Dense(values *Value, index nd.Array, shape []int) *Value {
	x, at := b.zeros("Sparse", values.DType, shape...), b.Const(index)
	var rows *Value
	switch {
	case values.Rank() != 1:
		fail("values of shape %v; a vector is expected", values.Shape)
	case at.Rank() == 1 && at.Len() == values.Len():
		rows = b.rowsAlong(at, x.Len())
	case at.Rank() == 2 && at.Shape[0] == values.Len() && at.Shape[1] == len(shape):
		rows = b.tuples(at, shape, 0)
	default:
		fail("indices of shape %v for %d values of an array of shape %v", at.Shape, values.Len(), shape)
	}
	return b.scatter("none", x, rows, values, 1)
}

// buildTensorScatter writes the update into a cache from write_indices[b] on.
func buildTensorScatter(c *Call) []*Value {
	x, u := c.Input(0), c.Input(1)
	axis := c.Axis(c.Int("axis", -2), x.Rank())
	if axis == 0 || u.Rank() != x.Rank() || u.Shape[0] != x.Shape[0] || u.Shape[axis] > x.Shape[axis] {
		c.fail("an update of shape %v on axis %d of %v", u.Shape, axis, x.Shape)
	}
	circular := false
	switch mode := c.String("mode", "linear"); mode {
	case "linear":
	case "circular":
		circular = true
	default:
		c.fail("mode %q", mode)
	}
	first := c.Optional(2)
	if first == nil {
		first = c.zeros("TensorScatter", nd.Int64, x.Shape[0])
	}
	if first.DType != nd.Int64 || !slices.Equal(first.Shape, x.Shape[:1]) {
		c.fail("write_indices are %v%v for a batch of %d", first.DType, first.Shape, x.Shape[0])
	}
	n, size := u.Shape[axis], int64(x.Shape[axis])
	inner := nd.Size(u.Shape[axis+1:])
	index := c.emit(nd.Int64, u.Shape, Op{
		name: "CacheIndices",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y, each := out.Int64s(), nd.Size(u.Shape[1:])
			for i := range y {
				y[i] = in[0].Int64s()[i/each] + int64(i/inner%n)
				if circular {
					y[i] %= size
				}
			}
		}, func(in []nd.Array) error {
			for _, v := range in[0].Int64s() {
				if v < 0 || !circular && v+int64(n) > size {
					return &IndexError{v, int(size)}
				}
			}
			return nil
		}},
	}, first)
	return []*Value{c.scatter("none", x, c.elementsAlong(index, x.Shape, axis), u, 1).as(x.Elem)}
}

var scatters = family{
	"TensorScatter":   {24, buildTensorScatter},
	"Scatter":         {9, buildScatterElements},
	"ScatterElements": {11, buildScatterElements},
	"ScatterND":       {11, buildScatterND},
}
