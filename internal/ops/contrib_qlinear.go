package ops

import (
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// contrib_qlinear: QLinearAdd, QLinearMul, QLinearConcat, QLinearAveragePool, QGemm and
// their kin, which take quantised numbers and return quantised numbers. But for sums
// and products they are built as DequantizeLinear, the operator of the name, and
// QuantizeLinear. onnxruntime may round a number that lies between two to the other one.

// number1 returns input i, a scale or zero point of all numbers.
func (c *Call) number1(i int) *Value {
	p := c.number(i)
	if p.Len() != 1 {
		unsupported("input %d of shape %v: one number is expected", i, p.Shape)
	}
	return c.Reshape(p)
}

// dequantised returns the numbers in input i, whose scale and zero point are the inputs
// after it.
func (c *Call) dequantised(i int) *Value {
	var zero *Value
	if c.Optional(i+2) != nil {
		zero = c.number1(i + 2)
	}
	c.Float(i + 1)
	return c.dequantize(c.number(i), c.number1(i+1), zero)
}

// requantised quantises y with the scale in input s and the zero point in input s+1. Without
// the zero point, the type is that of input like.
func (c *Call) requantised(y *Value, s, like int) []*Value {
	c.Float(s)
	if c.Optional(s+1) != nil {
		return []*Value{c.quantize(y, c.number1(s), c.number1(s+1), c.quantisedType(s+1))}
	}
	t := c.Input(like).Elem
	if t == onnxpb.TensorProto_UNDEFINED {
		t = onnxpb.TensorProto_UINT8
	}
	return []*Value{c.quantize(y, c.number1(s), nil, t)}
}

// qlinear1 returns the build function of an operator with one operand: X, its scale and
// zero point, those of Y.
func qlinear1(f func(c *Call, x *Value) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value { return c.requantised(f(c, c.dequantised(0)), 3, 0) }
}

// ratio returns the scale in input i in units of the result's.
func (c *Call) ratio(i int) *Value {
	c.Float(i)
	c.Float(6)
	return c.Div(c.number1(i), c.number1(6))
}

// zeroPoint returns the zero point in input i, 0 if it is left out.
func (c *Call) zeroPoint(i int) *Value {
	if c.Optional(i) == nil {
		return c.Scalar(0)
	}
	return c.number1(i)
}

// rounded rounds a sum or product in units of the result's scale, with its zero point.
func (c *Call) rounded(y *Value) []*Value {
	t := c.Input(0).Elem
	if c.Optional(7) != nil {
		t = c.quantisedType(7)
	}
	if t == onnxpb.TensorProto_UNDEFINED {
		t = onnxpb.TensorProto_UINT8
	}
	return []*Value{c.quantize(y, c.Scalar(1), nil, t)}
}

// buildQLinearAdd adds in the order in which onnxruntime does (MLAS, qladd.cpp), because sums
// lie halfway between two numbers often, where the scales are alike: first what is the same
// for all elements, an operand of one number included, and then the other operands.
func buildQLinearAdd(c *Call) []*Value {
	a, b, ra, rb := c.number(0), c.number(3), c.ratio(1), c.ratio(4)
	fixed := c.Sub(c.zeroPoint(7), c.Add(c.Mul(ra, c.zeroPoint(2)), c.Mul(rb, c.zeroPoint(5))))
	if a.Len() == 1 {
		a, b, ra, rb = b, a, rb, ra
	}
	if b.Len() == 1 {
		return c.rounded(c.Add(c.Add(fixed, c.Mul(rb, b)), c.Mul(a, ra)))
	}
	return c.rounded(c.Add(c.Add(fixed, c.Mul(a, ra)), c.Mul(b, rb)))
}

// buildQLinearMul multiplies in the order of onnxruntime (MLAS, qlmul.cpp).
func buildQLinearMul(c *Call) []*Value {
	a, b := c.Sub(c.number(0), c.zeroPoint(2)), c.Sub(c.number(3), c.zeroPoint(5))
	scale := c.Div(c.Mul(c.number1(1), c.number1(4)), c.number1(6))
	return c.rounded(c.Add(c.Mul(c.Mul(a, b), scale), c.zeroPoint(7)))
}

// on builds a node with this node's attributes on one other input.
func (c *Call) on(x *Value, build func(c *Call) []*Value) *Value {
	inner := *c
	inner.Inputs = []*Value{x}
	return build(&inner)[0]
}

// maybeChannelsLast builds an operator whose attribute channels_last says which axis has
// the channels of input 0.
func maybeChannelsLast(build func(c *Call) []*Value) func(c *Call) []*Value {
	last := overChannelsLast(build, 0)
	return func(c *Call) []*Value {
		if c.Bool("channels_last", false) {
			return last(c)
		}
		return build(c)
	}
}

func buildQLinearConcat(c *Call) []*Value {
	n := c.NumInputs()
	if n < 5 || (n-2)%3 != 0 {
		c.fail("%d inputs; two, and three for each operand, are expected", n)
	}
	var parts []*Value
	for i := 2; i < n; i += 3 {
		parts = append(parts, c.dequantised(i))
	}
	y := c.Concat(c.Axis(c.Int("axis", 0), parts[0].Rank()), parts...)
	return c.requantised(y, 0, 2)
}

func buildQLinearWhere(c *Call) []*Value {
	return c.requantised(c.Where(c.Input(0), c.dequantised(1), c.dequantised(4)), 7, 1)
}

// qlinearSoftmax is a softmax of the operator set in the attribute opset.
func qlinearSoftmax(c *Call, x *Value) *Value {
	axis := c.Axis(c.Int("axis", -1), x.Rank())
	if x.Len() == 0 {
		return x
	}
	if c.Int("opset", 13) < 13 {
		outer := nd.Size(x.Shape[:axis])
		return c.softmax(plainSoftmax, x, outer, x.Len()/outer, 1)
	}
	return c.Softmax(x, axis)
}

func qlinearReduceMean(c *Call, x *Value) *Value {
	axes := c.Axes(c.IntsAttr("axes"), x.Rank())
	if len(axes) == 0 {
		axes = axesUpTo(x.Rank())
	}
	y := c.MeanOver(x, axes...)
	if !c.Bool("keepdims", true) {
		y = c.squeeze(y, axes)
	}
	return y
}

// buildQGemm: alpha·A·B + C, with C in units of alpha times both scales. Without a scale of
// Y the result is not quantised.
func buildQGemm(c *Call) []*Value {
	x, w := c.dequantised(0), c.number(3)
	if x.Rank() != 2 || w.Rank() != 2 {
		c.fail("operands of shapes %v and %v are not matrices", x.Shape, w.Shape)
	}
	trans := c.Bool("transB", false)
	axis := -1
	if trans {
		axis = 0
	}
	c.Float(4)
	scale := c.along(4, w, axis)
	var zero *Value
	if c.Optional(5) != nil {
		zero = c.along(5, w, axis)
	}
	y := c.gemm(c.Bool("transA", false), trans, x, c.dequantize(w, scale, zero))
	alpha := c.Float32("alpha", 1)
	if alpha != 1 {
		y = c.Scale(y, alpha)
	}
	if c.Optional(6) != nil {
		unit := c.Scale(c.Mul(c.Reshape(scale, scale.Len()), c.number1(1)), alpha)
		y = c.sameShape(6, c.Add(y, c.Mul(c.number(6), unit)), y)
	}
	if c.Optional(7) == nil {
		return []*Value{y}
	}
	return c.requantised(y, 7, 0)
}

var qlinearOperators = family{
	"QuantizeLinear":   {1, buildQuantizeLinear},
	"DequantizeLinear": {1, buildDequantizeLinear},
	"QLinearConv":      {1, maybeChannelsLast(buildQLinearConv)},
	"QLinearAdd":       {1, buildQLinearAdd},
	"QLinearMul":       {1, buildQLinearMul},
	"QLinearConcat":    {1, buildQLinearConcat},
	"QLinearWhere":     {1, buildQLinearWhere},
	"QLinearSigmoid":   {1, qlinear1(func(c *Call, x *Value) *Value { return c.Sigmoid(x) })},
	"QLinearLeakyRelu": {1, qlinear1(func(c *Call, x *Value) *Value { return c.on(x, withAlpha(leaky, 0.01)) })},
	"QLinearSoftmax":   {1, qlinear1(qlinearSoftmax)},
	"QLinearAveragePool": {1, maybeChannelsLast(qlinear1(func(c *Call, x *Value) *Value {
		return c.on(x, buildAveragePool)
	}))},
	"QLinearGlobalAveragePool": {1, maybeChannelsLast(qlinear1(func(c *Call, x *Value) *Value {
		return c.on(x, buildGlobal((*Builder).MeanOver))
	}))},
	"QLinearReduceMean": {1, qlinear1(qlinearReduceMean)},
	"QGemm":             {1, buildQGemm},
}
