package ops

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// contrib_norm: SkipLayerNormalization, SkipSimplifiedLayerNormalization,
// EmbedLayerNormalization, GroupNorm, and SimplifiedLayerNormalization, which
// onnxruntime puts into ONNX's own domain.

// buildSkipNormalization normalises the sum of input, skip and bias. Output 3 is that
// sum.
func buildSkipNormalization(c *Call, k normalized, beta, bias int) []*Value {
	x := c.Float(0)
	sum := c.sameShape(1, c.Add(x, c.Float(1)), x)
	sum = c.plusBias(sum, bias)
	n := x.Shape[max(0, x.Rank()-1)]
	var shift *Value
	if beta > 0 && c.Optional(beta) != nil {
		shift = c.vector(beta, n)
	}
	y := c.normalize(k, sum, n, c.vector(2, n), shift)
	return []*Value{y, nil, nil, sum}
}

func buildSkipLayerNormalization(c *Call) []*Value {
	c.hidden(0)
	return buildSkipNormalization(c, layerNorm(c.Float32("epsilon", 1e-12)), 3, 4)
}

func buildSkipSimplifiedLayerNormalization(c *Call) []*Value {
	c.hidden(0)
	return buildSkipNormalization(c, rmsNorm(c.Float32("epsilon", 1e-12)), -1, 3)
}

// hidden returns float input i, whose last axis is that of the hidden units. It ends the
// build if there is none.
func (c *Call) hidden(i int) *Value {
	x := c.Float(i)
	if x.Rank() < 2 || x.Shape[x.Rank()-1] == 0 {
		c.fail("input %d of shape %v has no hidden units", i, x.Shape)
	}
	return x
}

// buildEmbedLayerNormalization normalises the sum of word, position and segment
// embeddings. Output 1 is the number of words that the mask lets through, output 2 the
// sum.
func buildEmbedLayerNormalization(c *Call) []*Value {
	ids, words, places := c.Input(0), c.hidden(2), c.hidden(3)
	if ids.Rank() != 2 || words.Rank() != 2 || places.Rank() != 2 {
		c.fail("input_ids of shape %v, embeddings of %v and %v; two axes each are expected", ids.Shape, words.Shape, places.Shape)
	}
	n := words.Shape[1]
	at := c.Optional(8)
	if at == nil {
		at = c.Reshape(c.countUp(ids.Shape[1]), 1, ids.Shape[1])
	}
	sum := c.Gather(words, ids, 0)
	sum = c.sameShape(3, c.Add(sum, c.Gather(places, at, 0)), sum)
	if c.Optional(1) != nil {
		sum = c.sameShape(1, c.Add(sum, c.Gather(c.Float(4), c.Input(1), 0)), sum)
	}
	y := c.normalize(layerNorm(c.Float32("epsilon", 1e-12)), sum, n, c.vector(5, n), c.vector(6, n))
	return []*Value{y, c.wordsIn(7, ids), sum}
}

// countUp returns 0, 1, … n-1.
func (b *Builder) countUp(n int) *Value {
	v := b.zeros("Range", nd.Int64, n)
	for i := range v.data.([]int64) {
		v.data.([]int64)[i] = int64(i)
	}
	return v
}

// wordsIn returns how many elements of each row of the mask in input i are 1, or zeros
// without a mask.
func (c *Call) wordsIn(i int, ids *Value) *Value {
	mask := c.Optional(i)
	if mask == nil {
		return c.zeros("EmbedLayerNormalization", nd.Int64, ids.Shape[0]).as(onnxpb.TensorProto_INT32)
	}
	if mask.DType != nd.Int64 || mask.Rank() != 2 || mask.Shape[0] != ids.Shape[0] {
		c.fail("a mask of type %v and shape %v for input_ids of shape %v", mask.DType, mask.Shape, ids.Shape)
	}
	n := mask.Shape[1]
	return c.emit(nd.Int64, mask.Shape[:1], Op{
		name: "MaskIndex",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			m := in[0].Int64s()
			for b := range out.Int64s() {
				count := int64(0)
				for _, v := range m[b*n : (b+1)*n] {
					if v == 1 {
						count++
					}
				}
				out.Int64s()[b] = count
			}
		}),
	}, mask).as(onnxpb.TensorProto_INT32)
}

// buildGroupNorm normalises groups of channels, and then applies SiLU if asked to.
func buildGroupNorm(c *Call) []*Value {
	x := c.channelled(0)
	last := c.Bool("channels_last", true)
	if last {
		x = c.channelsFirst(x)
	}
	channels, groups := x.Shape[1], c.Int("groups", 0)
	if groups < 1 || channels%groups != 0 {
		c.fail("groups of %d for %d channels", groups, channels)
	}
	y := x
	if x.Len() > 0 {
		y = c.groupNorm(groups, c.Float32("epsilon", 1e-5), x, c.vector(1, channels), c.vector(2, channels))
	}
	switch a := c.Int("activation", 0); a {
	case 0:
	case 1:
		y = c.unary(swish(1), y)
	default:
		unsupported("activation %d", a)
	}
	if last {
		y = c.channelsBack(y)
	}
	return []*Value{y}
}

// buildSimplifiedLayerNormalization: output 1 is 1/√(mean square + ε).
func buildSimplifiedLayerNormalization(c *Call) []*Value {
	eps := c.Float32("epsilon", 1e-5)
	out := []*Value{c.overLastAxes(rmsNorm(eps), nil)}
	if c.Wants(1) {
		x := c.Input(0)
		axes := axesUpTo(x.Rank())[c.Axis(c.Int("axis", -1), x.Rank()):]
		out = append(out, c.unary(opReciprocal, c.Sqrt(c.Add(c.MeanOver(c.Mul(x, x), axes...), c.Scalar(eps)))))
	}
	return out
}

var contribNorms = family{
	"SkipLayerNormalization":           {1, buildSkipLayerNormalization},
	"SkipSimplifiedLayerNormalization": {1, buildSkipSimplifiedLayerNormalization},
	"EmbedLayerNormalization":          {1, buildEmbedLayerNormalization},
	"GroupNorm":                        {1, buildGroupNorm},
}
