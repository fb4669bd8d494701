package ops

import (
	"slices"

	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/nd"
)

// normalization: LayerNormalization (opset 17), RMSNormalization (opset 23),
// GroupNormalization (opset 18: scale and bias per group; 21: per channel),
// InstanceNormalization (opset 6). All divide runs of adjacent elements by their
// spread, for which there are kernels with gradients.

// normalized is the kernel of a normalisation of rows of n elements with an
// optional scale and bias, in two parts: the gradient by the input, and those by
// scale and bias.
type normalized struct {
	name string
	run  func(w *kernel.Workers, rows, n int, x, scale, bias, y []float32)
	grad func(w *kernel.Workers, rows, n int, x, scale, gy, gx, gscale, gbias []float32)
}

func layerNorm(eps float32) normalized {
	return normalized{"LayerNormalization",
		func(w *kernel.Workers, rows, n int, x, scale, bias, y []float32) {
			kernel.LayerNorm(w, rows, n, eps, x, scale, bias, y)
		},
		func(w *kernel.Workers, rows, n int, x, scale, gy, gx, gscale, gbias []float32) {
			kernel.LayerNormGrad(w, rows, n, eps, x, scale, gy, gx, gscale, gbias)
		}}
}

func rmsNorm(eps float32) normalized {
	return normalized{"RMSNormalization",
		func(w *kernel.Workers, rows, n int, x, scale, _, y []float32) {
			kernel.RMSNorm(w, rows, n, eps, x, scale, y)
		},
		func(w *kernel.Workers, rows, n int, x, scale, gy, gx, gscale, _ []float32) {
			kernel.RMSNormGrad(w, rows, n, eps, x, scale, gy, gx, gscale)
		}}
}

// normalize applies a normalisation to runs of n elements of x. Scale and bias
// have n elements or are nil; there is no bias without a scale.
func (b *Builder) normalize(k normalized, x *Value, n int, scale, bias *Value) *Value {
	rows := x.Len() / max(n, 1)
	in := []*Value{x}
	for _, p := range []*Value{scale, bias} {
		if p != nil {
			in = append(in, p)
		}
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: k.name,
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			var p [2][]float32
			for i, a := range in[1:] {
				p[i] = a.Float32s()
			}
			k.run(w, rows, n, in[0].Float32s(), p[0], p[1], out.Float32s())
		},
		diff: func(_, gy *Value) []*Value {
			g := []*Value{b.normalizeGrad(k, rows, n, x, scale, gy)}
			if scale == nil {
				return g
			}
			params := b.normalizeParams(k, rows, n, x, scale, gy)
			g = append(g, b.Reshape(b.Slice(params, 0, 0, 1, 1), scale.Shape...))
			if bias != nil {
				g = append(g, b.Reshape(b.Slice(params, 0, 1, 1, 1), bias.Shape...))
			}
			return g
		},
	}, in...)
}

func (b *Builder) normalizeGrad(k normalized, rows, n int, x, scale, gy *Value) *Value {
	in := []*Value{x, gy}
	if scale != nil {
		in = append(in, scale)
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: k.name + ".grad",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			var s []float32
			if scale != nil {
				s = in[2].Float32s()
			}
			k.grad(w, rows, n, in[0].Float32s(), s, in[1].Float32s(), out.Float32s(), nil, nil)
		},
	}, in...)
}

// normalizeParams returns the gradients by scale and by bias as rows of [2, n].
func (b *Builder) normalizeParams(k normalized, rows, n int, x, scale, gy *Value) *Value {
	return b.emit(nd.Float32, []int{2, n}, Op{
		name: k.name + ".params",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			g := out.Float32s()
			clear(g)
			k.grad(w, rows, n, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), nil, g[:n], g[n:])
		},
	}, x, scale, gy)
}

// perElement returns a parameter of a normalisation over the last axes, of the
// given shape, as one value an element; ok is false for a parameter that also
// varies along the axes before.
func (b *Builder) perElement(p *Value, shape []int) (v *Value, ok bool) {
	lead := max(0, p.Rank()-len(shape))
	for _, n := range p.Shape[:lead] {
		if n != 1 {
			return nil, false
		}
	}
	p = b.Reshape(p, p.Shape[lead:]...)
	return b.Reshape(b.Expand(p, shape), nd.Size(shape)), true
}

// overLastAxes normalises from attribute axis on; scale is input 1.
func (c *Call) overLastAxes(k normalized, bias *Value) *Value {
	x, scale := c.Float(0), c.Float(1)
	axis := c.Axis(c.Int("axis", -1), x.Rank())
	inner := x.Shape[axis:]
	n := nd.Size(inner)
	s, ok := c.perElement(scale, inner)
	if bias == nil {
		if ok {
			return c.normalize(k, x, n, s, nil)
		}
	} else if t, also := c.perElement(bias, inner); ok && also {
		return c.normalize(k, x, n, s, t)
	}
	y := c.Mul(c.normalize(k, x, n, c.Full(1, n), nil), scale)
	if bias != nil {
		y = c.Add(y, bias)
	}
	if !slices.Equal(y.Shape, x.Shape) {
		c.fail("scale of shape %v for an input of shape %v", scale.Shape, x.Shape)
	}
	return y
}

// buildLayerNormalization: mean and 1/√(variance+ε) are outputs as well, for
// graphs that hold their own backward computation.
func buildLayerNormalization(c *Call) []*Value {
	eps := c.Float32("epsilon", 1e-5)
	bias := c.Optional(2)
	if bias != nil {
		bias = c.Float(2)
	}
	out := []*Value{c.overLastAxes(layerNorm(eps), bias)}
	if c.Wants(1) || c.Wants(2) {
		x := c.Input(0)
		axes := axesUpTo(x.Rank())[c.Axis(c.Int("axis", -1), x.Rank()):]
		mean := c.MeanOver(x, axes...)
		d := c.Sub(x, mean)
		variance := c.MeanOver(c.Mul(d, d), axes...)
		out = append(out, mean, c.unary(opReciprocal, c.Sqrt(c.Add(variance, c.Scalar(eps)))))
	}
	return out
}

func buildRMSNormalization(c *Call) []*Value {
	return []*Value{c.overLastAxes(rmsNorm(c.Float32("epsilon", 1e-5)), nil)}
}

// normalizeGroups normalises groups of channels of x [N, C, …], then scales and
// shifts each channel.
func (c *Call) normalizeGroups(x *Value, groups int, scale, bias *Value) []*Value {
	n := x.Len() / max(1, x.Shape[0]*groups)
	y := c.normalize(layerNorm(c.Float32("epsilon", 1e-5)), x, n, nil, nil)
	return []*Value{c.scaleShift(y, scale, bias)}
}

func buildInstanceNormalization(c *Call) []*Value {
	x := c.channelled(0)
	for i := 1; i <= 2; i++ {
		c.vector(i, x.Shape[1])
	}
	return c.normalizeGroups(x, x.Shape[1], c.Input(1), c.Input(2))
}

func buildGroupNormalization(c *Call) []*Value {
	x := c.channelled(0)
	channels, groups := x.Shape[1], c.Int("num_groups", 0)
	if groups < 1 || channels%groups != 0 {
		c.fail("num_groups of %d for %d channels", groups, channels)
	}
	if c.Opset >= 21 {
		return c.normalizeGroups(x, groups, c.vector(1, channels), c.vector(2, channels))
	}
	perChannel := func(p *Value) *Value {
		return c.Reshape(c.Expand(c.Reshape(p, groups, 1), []int{groups, channels / groups}), channels)
	}
	return c.normalizeGroups(x, groups, perChannel(c.vector(1, groups)), perChannel(c.vector(2, groups)))
}

// channelled returns float input i, whose axis 1 is the channels.
func (c *Call) channelled(i int) *Value {
	x := c.Float(i)
	if x.Rank() < 2 {
		c.fail("input %d of shape %v has no channels", i, x.Shape)
	}
	return x
}

// vector returns float input i, which must be a vector of n elements.
func (c *Call) vector(i, n int) *Value {
	p := c.Float(i)
	if p.Rank() != 1 || p.Len() != n {
		c.fail("input %d of shape %v; a vector of %d is expected", i, p.Shape, n)
	}
	return p
}

var normalization = family{
	"BatchNormalization":        {7, buildBatchNormalization},
	"LayerNormalization":        {17, buildLayerNormalization},
	"RMSNormalization":          {23, buildRMSNormalization},
	"InstanceNormalization":     {6, buildInstanceNormalization},
	"GroupNormalization":        {18, buildGroupNormalization},
	"LpNormalization":           {1, buildLpNormalization},
	"LRN":                       {1, buildLRN},
	"MeanVarianceNormalization": {9, buildMeanVarianceNormalization},
}
