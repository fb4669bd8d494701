package ops

import (
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// qlinear: MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv (opset 10). They
// are built as their definitions say: products of numbers minus their zero points,
// between DequantizeLinear and QuantizeLinear. Sums beyond 2²⁴ are rounded to
// float32.

// centred returns input i minus the zero point in input z, which is one number, or
// one for each row (or column) at the given axis.
func (c *Call) centred(i, z, axis int) *Value {
	x := c.number(i)
	if c.Optional(z) == nil {
		return x
	}
	return c.Sub(x, c.along(z, x, axis))
}

// along returns parameter i of x as one number, or as one for each index of an
// axis.
func (c *Call) along(i int, x *Value, axis int) *Value {
	p := c.number(i)
	if p.Len() == 1 && p.Rank() <= 1 {
		return c.Reshape(p)
	}
	if p.Rank() > 1 || x.Rank() < 2 {
		unsupported("input %d of shape %v for %v", i, p.Shape, x.Shape)
	}
	axis = c.Axis(axis, x.Rank())
	if p.Len() != x.Shape[axis] {
		c.fail("input %d of shape %v for axis %d of %v", i, p.Shape, axis, x.Shape)
	}
	shape := make([]int, x.Rank())
	for k := range shape {
		shape[k] = 1
	}
	shape[axis] = p.Len()
	return c.Reshape(p, shape...)
}

// sumOf marks sums of products of integers, which are int32 in the model and numbers here.
func sumOf(v *Value) *Value {
	if v.Elem == 0 {
		v.Elem = onnxpb.TensorProto_INT32
	}
	return v
}

// isSum reports whether a value is such sums.
func isSum(v *Value) bool { return v.DType == nd.Float32 && v.Elem == onnxpb.TensorProto_INT32 }

func buildMatMulInteger(c *Call) []*Value {
	return []*Value{sumOf(c.MatMul(c.centred(0, 2, -2), c.centred(1, 3, -1)))}
}

// convolve builds a Conv with this node's attributes on other inputs.
func (c *Call) convolve(inputs ...*Value) *Value {
	inner := *c
	inner.Inputs = inputs
	return buildConv(&inner)[0]
}

func buildConvInteger(c *Call) []*Value {
	return []*Value{sumOf(c.convolve(c.centred(0, 2, 1), c.centred(1, 3, 0)))}
}

func buildQLinearMatMul(c *Call) []*Value {
	x := c.centred(0, 2, -2)
	y := c.centred(3, 5, -1)
	z := c.MatMul(c.Mul(x, c.along(1, x, -2)), c.Mul(y, c.along(4, y, -1)))
	return []*Value{c.quantize(z, c.along(6, z, -2), c.along(7, z, -2), c.quantisedType(7))}
}

// buildQLinearConv builds a QLinearConv, whose bias is in units of the product of
// both scales.
func buildQLinearConv(c *Call) []*Value {
	x, w := c.centred(0, 2, 1), c.centred(3, 5, 0)
	xs, ws := c.along(1, x, 1), c.along(4, w, 0)
	in := []*Value{c.Mul(x, xs), c.Mul(w, ws)}
	if c.Optional(8) != nil {
		unit := c.Mul(xs, ws)
		if unit.Len() != 1 {
			unit = c.Reshape(unit, unit.Len())
		} else {
			unit = c.Reshape(unit)
		}
		in = append(in, c.Mul(c.number(8), unit))
	}
	y := c.convolve(in...)
	return []*Value{c.quantize(y, c.along(6, y, 1), c.along(7, y, 1), c.quantisedType(7))}
}
