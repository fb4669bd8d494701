package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// pad: Pad (opset 2 and later; pads and value are inputs from 11, axes from 18,
// wrap from 19). Negative pads remove elements before any are added. Constant
// padding copies into a filled array. The other modes gather along each axis, so
// that a repeated element gets the sum of the gradients.

// padding is the number of elements to add before and after each axis, at least 0.
type padding struct{ before, after []int }

func (p padding) of(shape []int) []int {
	out := slices.Clone(shape)
	for i := range out {
		out[i] += p.before[i] + p.after[i]
	}
	return out
}

// padConstant surrounds x with value, a scalar.
func (b *Builder) padConstant(x *Value, p padding, value *Value) *Value {
	shape := p.of(x.Shape)
	inner := strided.View{Shape: x.Shape, Stride: nd.Strides(shape)}
	for i, n := range p.before {
		inner.Offset += n * inner.Stride[i]
	}
	return b.emit(x.DType, shape, Op{
		name: "Pad",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			switch x := in[0].Data.(type) {
			case []int64:
				fill(inner, out.Int64s(), x, in[1].Int64s()[0])
			case []bool:
				fill(inner, out.Bools(), x, in[1].Bools()[0])
			default:
				fill(inner, out.Float32s(), in[0].Float32s(), in[1].Float32s()[0])
			}
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.view("Pad.grad", gy, inner)
			if _, known := value.Constant(); known {
				return []*Value{gx, nil}
			}
			return []*Value{gx, b.padValueGrad(gy, gx)}
		},
	}, x, value)
}

func fill[T nd.Elem](inner strided.View, y, x []T, value T) {
	for i := range y {
		y[i] = value
	}
	strided.Write(inner, y, x)
}

// padValueGrad returns the sum of gy over the padding. It subtracts the sum over
// x's part from the sum of all, in float64, which is exact enough despite the
// cancellation.
func (b *Builder) padValueGrad(gy, gx *Value) *Value {
	return b.emit(nd.Float32, []int{}, Op{
		name: "Pad.grad",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			out.Float32s()[0] = float32(sum64(in[0].Float32s()) - sum64(in[1].Float32s()))
		}),
	}, gy, gx)
}

func sum64(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}

// source returns a function that maps position i, which may lie before the first or
// after the last of n elements, to the element that stands there.
func source(mode string, n int) func(i int) int {
	mod := func(i, n int) int { return ((i % n) + n) % n }
	switch mode {
	case "edge":
		return func(i int) int { return min(max(i, 0), n-1) }
	case "reflect":
		period := max(2*(n-1), 1)
		return func(i int) int {
			if i = mod(i, period); i >= n {
				i = period - i
			}
			return i
		}
	default: // wrap
		return func(i int) int { return mod(i, n) }
	}
}

// padFrom extends an axis with elements that from chooses among the existing ones.
func (b *Builder) padFrom(x *Value, axis, before, after int, from func(i int) int) *Value {
	n := before + x.Shape[axis] + after
	b.fold("Pad", nd.Int64, []int{n})
	rows := make([]int, n)
	for i := range rows {
		rows[i] = from(i - before)
	}
	return b.Gather(x, b.Ints(rows...), axis)
}

func buildPad(c *Call) []*Value {
	x := c.Input(0)
	mode := c.String("mode", "constant")
	if !slices.Contains([]string{"constant", "edge", "reflect", "wrap"}, mode) {
		c.fail("mode %q", mode)
	}
	x, p := c.crop(x, c.pads(x.Rank()))
	c.checkSize("Pad", p.of(x.Shape))
	if mode == "constant" || nd.Size(p.of(x.Shape)) == 0 {
		return []*Value{c.padConstant(x, p, c.padValue(x.DType))}
	}
	for axis, n := range x.Shape {
		before, after := p.before[axis], p.after[axis]
		if before+after == 0 {
			continue
		}
		if n == 0 {
			c.fail("mode %q on an empty axis of %v", mode, x.Shape)
		}
		x = c.padFrom(x, axis, before, after, source(mode, n))
	}
	return []*Value{x}
}

// pads reads the number of elements to add before and after each axis.
func (c *Call) pads(rank int) padding {
	axes := axesUpTo(rank)
	var pads []int
	if !c.From(11) {
		pads = c.IntsAttr("pads")
	} else {
		pads = c.KnownInts(1)
		if c.Optional(3) != nil {
			axes = c.KnownInts(3)
			c.Axes(axes, rank)
		}
	}
	if len(pads) != 2*len(axes) {
		c.fail("%d pads for %d axes", len(pads), len(axes))
	}
	p := padding{make([]int, rank), make([]int, rank)}
	for i, a := range axes {
		a = c.Axis(a, rank)
		p.before[a], p.after[a] = pads[i], pads[len(axes)+i]
		for _, n := range []int{p.before[a], p.after[a]} {
			if n > maxElements || n < -maxElements {
				c.fail("pads %v", pads)
			}
		}
	}
	return p
}

// crop removes the elements that negative pads ask for, and returns the other pads.
func (c *Call) crop(x *Value, p padding) (*Value, padding) {
	for axis := range p.before {
		first, last := max(0, -p.before[axis]), max(0, -p.after[axis])
		count := x.Shape[axis] - first - last
		if count < 0 {
			c.fail("pads %d and %d on an axis of %d", p.before[axis], p.after[axis], x.Shape[axis])
		}
		x = c.Slice(x, axis, first, count, 1)
		p.before[axis], p.after[axis] = max(0, p.before[axis]), max(0, p.after[axis])
	}
	return x, p
}

// padValue returns the value of constant padding.
func (c *Call) padValue(t nd.DType) *Value {
	if !c.From(11) {
		return c.Cast(c.Scalar(c.Float32("value", 0)), t)
	}
	value := c.Optional(2)
	if value == nil {
		return c.zero(t)
	}
	if value.DType != t || value.Len() != 1 {
		c.fail("padding value of type %v and shape %v for an input of type %v", value.DType, value.Shape, t)
	}
	return c.Reshape(value)
}

var pads = family{"Pad": {2, buildPad}}
