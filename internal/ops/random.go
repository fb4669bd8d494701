package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// random: RandomNormal, RandomUniform, RandomNormalLike, RandomUniformLike (opset 1),
// Multinomial (opset 7), Bernoulli (opset 15).
//
// A node has the mean of its distribution, Bernoulli and Multinomial what is likeliest. So a model
// is a function of its inputs and weights: losses can be compared, and gradients are those of that
// function. Drawn numbers that two models have in common would count as what they agree in, and
// would be others wherever a sample stands in a batch. They have no gradient by what they are
// compared with.

// typedAs sets the type that the attribute dtype names, which has to be a floating-point
// one.
func (c *Call) typedAs(v *Value, otherwise onnxpb.TensorProto_DataType) []*Value {
	t := onnxpb.TensorProto_DataType(c.Int("dtype", int(otherwise)))
	if d, ok := DTypeOf(t); !ok || d != nd.Float32 {
		unsupported("random numbers of type %v", t)
	}
	return []*Value{v.as(t)}
}

func (c *Call) normal() float32 { return c.Float32("mean", 0) }

func (c *Call) uniform() float32 {
	low, high := c.Float32("low", 0), c.Float32("high", 1)
	return low + (high-low)/2
}

// buildRandom returns the build function of an operator with a shape, or with an input
// whose shape counts.
func buildRandom(mean func(c *Call) float32, like bool) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		shape, t := c.IntsAttr("shape"), onnxpb.TensorProto_FLOAT
		if like {
			x := c.Input(0)
			if shape = x.Shape; x.DType == nd.Float32 && x.Elem != 0 {
				t = x.Elem
			}
		} else if !c.Has("shape") {
			c.fail("attribute %q is missing", "shape")
		}
		if slices.ContainsFunc(shape, func(n int) bool { return n < 0 }) {
			c.fail("shape %v", shape)
		}
		return c.typedAs(c.Full(mean(c), shape...), t)
	}
}

// buildBernoulli has 1 where the probability in the input is more than a half.
func buildBernoulli(c *Call) []*Value {
	p := c.Float(0)
	return []*Value{c.convert(c.compare(opLess, c.Full(0.5, p.Shape...), p), onnxpb.TensorProto_DataType(c.Int("dtype", int(onnxpb.TensorProto_FLOAT))))}
}

// buildMultinomial has the class of the largest of the unnormalised logarithms of probabilities in
// each row of the input [batch, classes], once for each sample.
func buildMultinomial(c *Call) []*Value {
	x, n := c.Float(0), c.Int("sample_size", 1)
	if x.Rank() != 2 || x.Shape[1] < 1 || n < 1 {
		c.fail("%d samples of an input of shape %v", n, x.Shape)
	}
	at := c.Expand(c.argExtreme("Multinomial", false, false, x, 1), []int{x.Shape[0], n})
	return []*Value{at.as(onnxpb.TensorProto_DataType(c.Int("dtype", int(onnxpb.TensorProto_INT32))))}
}

var randoms = family{
	"RandomNormal":      {1, buildRandom((*Call).normal, false)},
	"RandomUniform":     {1, buildRandom((*Call).uniform, false)},
	"RandomNormalLike":  {1, buildRandom((*Call).normal, true)},
	"RandomUniformLike": {1, buildRandom((*Call).uniform, true)},
	"Bernoulli":         {15, buildBernoulli},
	"Multinomial":       {7, buildMultinomial},
}
