package ops

import "slices"

// prelu: PRelu (opset 7 and later). Its slope for negative x is an input, which is
// broadcast to the shape of x.

// preluSlope is dy/dx.
var preluSlope = binary{name: "PRelu.grad", f: func(z, x, s []float32) {
	for i, v := range x {
		z[i] = 1
		if v < 0 {
			z[i] = s[i]
		}
	}
}}

var opPRelu = binary{name: "PRelu", f: func(z, x, s []float32) {
	for i, v := range x {
		if v < 0 {
			v *= s[i]
		}
		z[i] = v
	}
}, diff: func(b *Builder, x, s, _, gz *Value) (gx, gs *Value) {
	return b.Mul(gz, b.binary(preluSlope, x, s)), b.Mul(gz, b.Neg(b.Relu(b.Neg(x))))
}}

func buildPRelu(c *Call) []*Value {
	x, s := c.Float(0), c.Float(1)
	y := c.binary(opPRelu, x, s)
	if !slices.Equal(y.Shape, x.Shape) {
		c.fail("slope of shape %v cannot be repeated to %v", s.Shape, x.Shape)
	}
	return []*Value{y}
}
