package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/norm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// normalization: LayerNormalization (opset 17), RMSNormalization (opset 23),
// GroupNormalization (opset 18: scale and bias per group; 21: per channel),
// InstanceNormalization (opset 6). Each divides runs of adjacent elements by their
// standard deviation or root mean square. There are kernels for them and their
// gradients.

// normalized is a normalisation of rows of n elements. The bias and each of the
// gradients may be nil.
type normalized struct {
	name string
	run  func(w *parallel.Workers, rows, n int, x, scale, bias, y []float32)
	grad func(w *parallel.Workers, rows, n int, x, scale, gy, gx, gscale, gbias []float32)
}

func layerNorm(eps float32) normalized {
	return normalized{"LayerNormalization",
		func(w *parallel.Workers, rows, n int, x, scale, bias, y []float32) {
			norm.LayerNorm(w, rows, n, eps, x, scale, bias, y)
		},
		func(w *parallel.Workers, rows, n int, x, scale, gy, gx, gscale, gbias []float32) {
			norm.LayerNormGrad(w, rows, n, eps, x, scale, gy, gx, gscale, gbias)
		}}
}

func rmsNorm(eps float32) normalized {
	return normalized{"RMSNormalization",
		func(w *parallel.Workers, rows, n int, x, scale, _, y []float32) {
			norm.RMSNorm(w, rows, n, eps, x, scale, y)
		},
		func(w *parallel.Workers, rows, n int, x, scale, gy, gx, gscale, _ []float32) {
			norm.RMSNormGrad(w, rows, n, eps, x, scale, gy, gx, gscale)
		}}
}

// normalize normalises runs of n elements of x. scale and bias have n elements;
// bias may be nil.
func (b *Builder) normalize(k normalized, x *Value, n int, scale, bias *Value) *Value {
	rows := x.Len() / max(n, 1)
	in := []*Value{x, scale}
	if bias != nil {
		in = append(in, bias)
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: k.name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			var t []float32
			if bias != nil {
				t = in[2].Float32s()
			}
			k.run(w, rows, n, in[0].Float32s(), in[1].Float32s(), t, out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: k.name + ".grad",
				kernel: normalizeGradKernel{func(w *parallel.Workers, in []nd.Array, gx, gscale, gbias []float32) {
					k.grad(w, rows, n, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), gx, gscale, gbias)
				}},
			}, x, scale, gy)
			gs, gb := b.scaleAndBias(k.name, n, gx.op, func(w *parallel.Workers, in []nd.Array, gscale, gbias []float32) {
				k.grad(w, rows, n, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), nil, gscale, gbias)
			}, x, scale, gy)
			if bias == nil {
				return []*Value{gx, gs}
			}
			return []*Value{gx, gs, gb}
		},
	}, in...)
}

// scaleAndBias returns two gradients, vectors of n elements, that are computed
// together. They are the rows of one value, because an operator has one output.
// host is the operator that can compute them in the same pass, or nil.
func (b *Builder) scaleAndBias(name string, n int, host *Op, run func(w *parallel.Workers, in []nd.Array, gscale, gbias []float32), in ...*Value) (gscale, gbias *Value) {
	both := b.emit(nd.Float32, []int{2, n}, Op{
		name: name + ".params",
		kernel: companionFunc{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			gscale, gbias := halves(out)
			run(w, in, gscale, gbias)
		}, companion{host}},
	}, in...)
	return b.Reshape(b.Slice(both, 0, 0, 1, 1), n), b.Reshape(b.Slice(both, 0, 1, 1, 1), n)
}

var (
	_ Fused     = normalizeGradKernel{}
	_ Companion = companionFunc{}
)

// normalizeGradKernel computes the gradient by the input of a normalisation. The
// gradients by scale and bias can be its companion.
type normalizeGradKernel struct {
	grad func(w *parallel.Workers, in []nd.Array, gx, gscale, gbias []float32)
}

func (k normalizeGradKernel) Run(w *parallel.Workers, out nd.Array, in []nd.Array) {
	k.grad(w, in, out.Float32s(), nil, nil)
}

func (k normalizeGradKernel) RunFused(w *parallel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun) {
	gscale, gbias := halves(companions[0].Out)
	k.grad(w, in, out.Float32s(), gscale, gbias)
}

// companionFunc is a Companion kernel.
type companionFunc struct {
	runFunc
	companion
}

// halves returns the two rows of a value, set to zeros: RMSNorm has no bias.
func halves(both nd.Array) (gscale, gbias []float32) {
	g := both.Float32s()
	clear(g)
	return g[:len(g)/2], g[len(g)/2:]
}

// perElement returns a parameter of a normalisation over the last axes, which have
// the given shape, with one element for each of theirs. ok is false if the
// parameter also varies along earlier axes.
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

// overLastAxes normalises over the axes from the attribute axis on. Input 1 is the
// scale.
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
	} else if t, perElement := c.perElement(bias, inner); ok && perElement {
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

// buildLayerNormalization also returns the mean and 1/√(variance+ε) if they are
// used. Graphs that contain their own backward computation use them.
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

// groupNorm normalises groups of channels of x [N, C, …], and then scales and
// shifts each channel.
func (b *Builder) groupNorm(groups int, eps float32, x, scale, bias *Value) *Value {
	n, c, inner := x.Shape[0], x.Shape[1], nd.Size(x.Shape[2:])
	const name = "GroupNormalization"
	return b.emit(nd.Float32, x.Shape, Op{
		name: name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			norm.GroupNorm(w, n, c, inner, groups, eps, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: name + ".grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					norm.GroupNormGrad(w, n, c, inner, groups, eps, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
				}),
			}, x, scale, gy)
			gs, gb := b.scaleAndBias(name, c, nil, func(w *parallel.Workers, in []nd.Array, gscale, gbias []float32) {
				norm.GroupNormParams(w, n, c, inner, groups, eps, in[0].Float32s(), in[1].Float32s(), gscale, gbias)
			}, x, gy)
			return []*Value{gx, gs, gb}
		},
	}, x, scale, bias)
}

func (c *Call) normalizeGroups(x *Value, groups int, scale, bias *Value) []*Value {
	if x.Len() == 0 {
		return []*Value{x}
	}
	return []*Value{c.groupNorm(groups, c.Float32("epsilon", 1e-5), x, scale, bias)}
}

func buildInstanceNormalization(c *Call) []*Value {
	x := c.channelled(0)
	n := x.Shape[1]
	return c.normalizeGroups(x, n, c.vector(1, n), c.vector(2, n))
}

func buildGroupNormalization(c *Call) []*Value {
	x := c.channelled(0)
	channels, groups := x.Shape[1], c.Int("num_groups", 0)
	if groups < 1 || channels%groups != 0 {
		c.fail("num_groups of %d for %d channels", groups, channels)
	}
	if c.From(21) {
		return c.normalizeGroups(x, groups, c.vector(1, channels), c.vector(2, channels))
	}
	perChannel := func(p *Value) *Value {
		return c.Reshape(c.Expand(c.Reshape(p, groups, 1), []int{groups, channels / groups}), channels)
	}
	return c.normalizeGroups(x, groups, perChannel(c.vector(1, groups)), perChannel(c.vector(2, groups)))
}

// channelled returns float input i, and ends the build if it has no axis of
// channels.
func (c *Call) channelled(i int) *Value {
	x := c.Float(i)
	if x.Rank() < 2 {
		c.fail("input %d of shape %v has no channels", i, x.Shape)
	}
	return x
}

// vector returns float input i, and ends the build unless it is a vector of n
// elements.
func (c *Call) vector(i, n int) *Value {
	p := c.Float(i)
	if p.Rank() != 1 || p.Len() != n {
		c.fail("input %d of shape %v; a vector of %d is expected", i, p.Shape, n)
	}
	return p
}

var normalization = family{
	"BatchNormalization":           {7, buildBatchNormalization},
	"LayerNormalization":           {1, buildLayerNormalization}, // before 17 by onnxruntime's optimiser
	"RMSNormalization":             {23, buildRMSNormalization},
	"SimplifiedLayerNormalization": {1, buildSimplifiedLayerNormalization}, // onnxruntime's
	"InstanceNormalization":        {6, buildInstanceNormalization},
	"GroupNormalization":           {18, buildGroupNormalization},
	"LpNormalization":              {1, buildLpNormalization},
	"LRN":                          {1, buildLRN},
	"MeanVarianceNormalization":    {9, buildMeanVarianceNormalization},
}
