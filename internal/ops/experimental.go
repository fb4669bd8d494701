package ops

import "github.com/advparams/advparams/nd"

// experimental: Affine, Crop, ImageScaler, ParametricSoftplus, Scale, ScaledTanh. ONNX had them as
// experimental operators until version 1.5, and never in a definition of its operator set. The
// converters of Core ML models wrote them, and onnxruntime still runs them
// (github.com/microsoft/onnxruntime, contrib_ops/cpu).

func buildAffine(c *Call) []*Value {
	return []*Value{c.Add(c.Scale(c.Float(0), c.Float32("alpha", 1)), c.Scalar(c.Float32("beta", 0)))}
}

func buildScale(c *Call) []*Value {
	return []*Value{c.Scale(c.Float(0), c.Float32("scale", 1))}
}

// inAndOut builds α·f(βx). onnxruntime refuses nodes without α and β.
func inAndOut(f unary) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		if !c.Has("alpha") || !c.Has("beta") {
			c.fail("no attribute alpha, or no beta")
		}
		return []*Value{c.Scale(c.unary(f, c.Scale(c.Float(0), c.Float32("beta", 1))), c.Float32("alpha", 1))}
	}
}

// image returns the operand, which has to be [N,C,H,W].
func (c *Call) image() *Value {
	x := c.Float(0)
	if x.Rank() != 4 {
		c.fail("input of shape %v is not [batch, channels, height, width]", x.Shape)
	}
	return x
}

// buildImageScaler: a factor for all channels, and a term for each.
func buildImageScaler(c *Call) []*Value {
	x, terms := c.image(), c.FloatsAttr("bias")
	if len(terms) != x.Shape[1] {
		c.fail("%d terms in bias for %d channels", len(terms), x.Shape[1])
	}
	return []*Value{c.Add(c.Scale(x, c.Float32("scale", 1)), c.Const(nd.Of(terms, 1, len(terms), 1, 1)))}
}

// buildCrop: border has what is cut off at the left, top, right and bottom. With scale, what is left
// has this height and width instead.
func buildCrop(c *Call) []*Value {
	x, border, size := c.image(), c.IntsAttr("border"), c.IntsAttr("scale")
	if len(border) != 4 || len(size) != 0 && len(size) != 2 {
		c.fail("border of %d numbers and scale of %d, not 4 and 0 or 2", len(border), len(size))
	}
	left, top := border[0], border[1]
	high, wide := x.Shape[2]-top-border[3], x.Shape[3]-left-border[2]
	if len(size) == 2 {
		high, wide = size[0], size[1]
	}
	if left < 0 || top < 0 || high < 1 || wide < 1 || high > x.Shape[2]-top || wide > x.Shape[3]-left {
		c.fail("border %v and scale %v of an image of %d × %d", border, size, x.Shape[2], x.Shape[3])
	}
	return []*Value{c.Slice(c.Slice(x, 2, top, high, 1), 3, left, wide, 1)}
}

var experimental = family{
	"Affine":             {1, buildAffine},
	"Crop":               {1, buildCrop},
	"ImageScaler":        {1, buildImageScaler},
	"ParametricSoftplus": {1, inAndOut(opSoftplus)},
	"Scale":              {1, buildScale},
	"ScaledTanh":         {1, inAndOut(opTanh)},
}
