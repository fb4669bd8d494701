package ops

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// random: RandomNormal, RandomUniform, RandomNormalLike, RandomUniformLike (opset 1),
// Multinomial (opset 7), Bernoulli (opset 15).
//
// A node draws the same numbers in every run, so that a model is a function of its inputs
// and weights: losses can be compared, and gradients are those of that function. The numbers
// are drawn from a PCG generator that the attribute seed starts, or without one the position
// of the node among those that draw. They are not
// onnxruntime's, which has another generator and draws others in every run. Drawn numbers
// have no gradient by what they are compared with.

// source returns the generator of a node.
func (c *Call) source() *rand.Rand {
	c.draws++ // nodes without a seed differ
	seed := c.draws
	if c.Has("seed") {
		seed = uint64(math.Float32bits(c.Float32("seed", 0))) << 32
	}
	return rand.New(rand.NewPCG(seed, 0x6f6e6e78))
}

// drawn returns a constant of a shape, each element of which draw makes.
func (c *Call) drawn(shape []int, draw func(r *rand.Rand) float32) *Value {
	if slices.Min(append([]int{0}, shape...)) < 0 {
		c.fail("shape %v", shape)
	}
	v, r := c.zeros(c.Node.GetOpType(), nd.Float32, shape...), c.source()
	for i := range v.data.([]float32) {
		v.data.([]float32)[i] = draw(r)
	}
	return v
}

// typedAs sets the type that the attribute dtype names, which has to be a floating-point
// one.
func (c *Call) typedAs(v *Value, otherwise onnxpb.TensorProto_DataType) []*Value {
	t := onnxpb.TensorProto_DataType(c.Int("dtype", int(otherwise)))
	if d, ok := DTypeOf(t); !ok || d != nd.Float32 {
		unsupported("random numbers of type %v", t)
	}
	return []*Value{v.as(t)}
}

func (c *Call) normal() func(r *rand.Rand) float32 {
	mean, scale := c.Float32("mean", 0), c.Float32("scale", 1)
	return func(r *rand.Rand) float32 { return mean + scale*float32(r.NormFloat64()) }
}

func (c *Call) uniform() func(r *rand.Rand) float32 {
	low, high := c.Float32("low", 0), c.Float32("high", 1)
	return func(r *rand.Rand) float32 { return low + (high-low)*r.Float32() }
}

// buildRandom returns the build function of an operator with a shape, or with an input
// whose shape counts.
func buildRandom(distribution func(c *Call) func(r *rand.Rand) float32, like bool) func(c *Call) []*Value {
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
		return c.typedAs(c.drawn(shape, distribution(c)), t)
	}
}

// buildBernoulli draws 1 with the probabilities of the input.
func buildBernoulli(c *Call) []*Value {
	p := c.Float(0)
	u := c.drawn(p.Shape, func(r *rand.Rand) float32 { return r.Float32() })
	return []*Value{c.convert(c.compare(opLess, u, p), onnxpb.TensorProto_DataType(c.Int("dtype", int(onnxpb.TensorProto_FLOAT))))}
}

// buildMultinomial draws classes with the unnormalised logarithms of their probabilities in
// the rows of the input [batch, classes]: the maximum of the logarithm and a number of the
// Gumbel distribution is at each class with its probability.
func buildMultinomial(c *Call) []*Value {
	x, n := c.Float(0), c.Int("sample_size", 1)
	if x.Rank() != 2 || x.Shape[1] < 1 || n < 1 {
		c.fail("%d samples of an input of shape %v", n, x.Shape)
	}
	shape := []int{x.Shape[0], n, x.Shape[1]}
	g := c.drawn(shape, func(r *rand.Rand) float32 { return float32(-math.Log(r.ExpFloat64() + math.SmallestNonzeroFloat32)) })
	y := c.Add(c.Reshape(x, shape[0], 1, shape[2]), g)
	at := c.squeeze(c.argExtreme("Multinomial", false, false, y, 2), []int{2})
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
