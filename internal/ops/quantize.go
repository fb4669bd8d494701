package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// quantize: QuantizeLinear, DequantizeLinear (opset 10; per axis: 13; blocked and
// other types: 21), DynamicQuantizeLinear (opset 11).
//
// Quantised numbers are float32 values that are whole numbers, so that gradients
// pass through them. Rounding has the gradient of the identity (the
// straight-through estimator, Bengio et al. 2013). Saturation has no gradient where
// it clamps. DequantizeLinear is exact.

// quantize returns round(x/scale) + zero, clamped to the range of a type. For a
// floating-point type it returns x/scale + zero, rounded to the type.
func (c *Call) quantize(x, scale, zero *Value, t onnxpb.TensorProto_DataType) *Value {
	if f, ok := minifloats[t]; ok {
		return c.round("Quantize", c.shift(c.Div(x, scale), zero), c.rounding(f, t)).as(t)
	}
	i, ok := integerTypes[t]
	if !ok || i.bits > 16 {
		unsupported("quantisation to type %v", t)
	}
	lo, hi := float32(0), float32(int(1)<<i.bits-1)
	if i.signed {
		lo, hi = lo-(hi+1)/2, (hi-1)/2
	}
	if q, ok := quantizer(x, scale, zero); ok {
		q.Low, q.High = lo, hi
		return c.quantizeBy(q, x, scale, zero).as(t)
	}
	y := c.shift(c.roundThrough(c.Div(x, scale)), zero)
	return c.Clip(y, c.Scalar(lo), c.Scalar(hi)).as(t)
}

// shift adds the zero point, unless it is nil.
func (b *Builder) shift(x, zero *Value) *Value {
	if zero == nil {
		return x
	}
	return b.Add(x, zero)
}

// roundThrough rounds half to even and passes the gradient unchanged.
func (b *Builder) roundThrough(x *Value) *Value {
	return b.round("Round", x, func(v float32) float32 { return float32(math.RoundToEven(float64(v))) })
}

// dequantize returns (x - zero)·scale.
func (b *Builder) dequantize(x, scale, zero *Value) *Value {
	if q, ok := quantizer(x, scale, zero); ok {
		return b.dequantizeBy(q, x, scale, zero)
	}
	if zero != nil {
		x = b.Sub(x, zero)
	}
	return b.Mul(x, scale)
}

// number returns input i as float32.
func (c *Call) number(i int) *Value {
	v := c.Input(i)
	if v.DType == nd.Bool {
		c.fail("input %d is of type bool", i)
	}
	return c.Cast(v, nd.Float32)
}

// quantised returns the parameter in input i of the numbers x, in a shape that is
// broadcast along them: one number, one for each index of the axis, or one for each
// block. It is nil if the input is left out.
func (c *Call) quantised(i int, x *Value) *Value {
	if c.Optional(i) == nil {
		return nil
	}
	p := c.number(i)
	block := c.Int("block_size", 0)
	if block == 0 && p.Rank() <= 1 && p.Len() == 1 {
		return c.Reshape(p)
	}
	axis := c.Axis(c.Int("axis", 1), x.Rank())
	n := x.Shape[axis]
	if block == 0 {
		if p.Rank() != 1 || p.Len() != n {
			c.fail("input %d of shape %v for axis %d of %v", i, p.Shape, axis, x.Shape)
		}
		shape := slices.Repeat([]int{1}, x.Rank())
		shape[axis] = n
		return c.Reshape(p, shape...)
	}
	shape := slices.Clone(x.Shape)
	if block > 0 {
		shape[axis] = (n + block - 1) / block
	}
	if block < 0 || !slices.Equal(p.Shape, shape) {
		c.fail("input %d of shape %v for blocks of %d on axis %d of %v", i, p.Shape, block, axis, x.Shape)
	}
	// Each parameter is repeated block times. The last block may be shorter.
	wide := slices.Insert(slices.Clone(shape), axis+1, block)
	p = c.Expand(c.unsqueeze(p, []int{axis + 1}), wide)
	shape[axis] *= block
	return c.Slice(c.Reshape(p, shape...), axis, 0, n, 1)
}

// quantisedType returns the type to which a node quantises, by its attribute
// output_dtype or by the zero point in input i, and uint8 without either.
func (c *Call) quantisedType(i int) onnxpb.TensorProto_DataType {
	if t := onnxpb.TensorProto_DataType(c.Int("output_dtype", 0)); t != 0 {
		return t
	}
	zero := c.Optional(i)
	if zero == nil {
		return onnxpb.TensorProto_UINT8
	}
	if zero.Elem == 0 {
		unsupported("input %d (the zero point) of a type that is not known while compiling", i)
	}
	return zero.Elem
}

func buildQuantizeLinear(c *Call) []*Value {
	x := c.number(0)
	return []*Value{c.quantize(x, c.scaleOf(1, x), c.quantised(2, x), c.quantisedType(2))}
}

func buildDequantizeLinear(c *Call) []*Value {
	x := c.number(0)
	return []*Value{c.dequantize(x, c.scaleOf(1, x), c.quantised(2, x))}
}

// scaleOf is quantised for a parameter that must not be left out.
func (c *Call) scaleOf(i int, x *Value) *Value {
	c.Float(i)
	return c.quantised(i, x)
}

// dynamicRange returns the scale and the zero point with which the range of x and 0
// just fits into uint8. The scale is positive even if x is all zeros.
func (b *Builder) dynamicRange(x *Value) (scale, zero *Value) {
	if x.Len() == 0 {
		fail("input of shape %v has no range", x.Shape)
	}
	null, all := b.Scalar(0), axesUpTo(x.Rank())
	top := b.Maximum(b.Reshape(b.Max(x, all...)), null)
	bottom := b.Minimum(b.Reshape(b.Min(x, all...)), null)
	scale = b.Maximum(b.Div(b.Sub(top, bottom), b.Scalar(255)), b.Scalar(math.SmallestNonzeroFloat32))
	return scale, b.roundThrough(b.Clip(b.Neg(b.Div(bottom, scale)), null, b.Scalar(255)))
}

func buildDynamicQuantizeLinear(c *Call) []*Value {
	x := c.Float(0)
	scale, zero := c.dynamicRange(x)
	const t = onnxpb.TensorProto_UINT8
	return []*Value{c.quantize(x, scale, zero, t), scale, zero.as(t)}
}

// dynamically returns x rounded to 8 bits, as DynamicQuantizeLinear chooses them.
func (c *Call) dynamically(x *Value) *Value {
	scale, zero := c.dynamicRange(x)
	return c.dequantize(c.quantize(x, scale, zero, onnxpb.TensorProto_UINT8), scale, zero)
}

var quantization = family{
	"QuantizeLinear":        {10, buildQuantizeLinear},
	"DequantizeLinear":      {10, buildDequantizeLinear},
	"DynamicQuantizeLinear": {11, buildDynamicQuantizeLinear},
	"MatMulInteger":         {10, buildMatMulInteger},
	"ConvInteger":           {10, buildConvInteger},
	"QLinearMatMul":         {10, buildQLinearMatMul},
	"QLinearConv":           {10, buildQLinearConv},
}
