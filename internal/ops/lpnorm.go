package ops

import (
	"github.com/advparams/advparams/internal/kernel/norm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// lpnorm: LpNormalization (opset 1), LRN (opset 1), MeanVarianceNormalization
// (opset 9).

func buildLpNormalization(c *Call) []*Value {
	x := c.Float(0)
	axis, p := c.Axis(c.Int("axis", -1), x.Rank()), c.Int("p", 2)
	if p != 1 && p != 2 {
		c.fail("p is %d, neither 1 nor 2", p)
	}
	outer, n, inner := nd.Size(x.Shape[:axis]), x.Shape[axis], nd.Size(x.Shape[axis+1:])
	return []*Value{c.emit(nd.Float32, x.Shape, Op{
		name: "LpNormalization",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			norm.LpNormalize(w, p, outer, n, inner, in[0].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			return []*Value{c.emit(nd.Float32, x.Shape, Op{
				name: "LpNormalization.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					norm.LpNormalizeGrad(w, p, outer, n, inner, in[0].Float32s(), in[1].Float32s(), out.Float32s())
				}),
			}, x, gy)}
		},
	}, x)}
}

// channelSum returns, for every channel of x [N, C, …], the sum over the channels
// from `before` channels ahead of it to `after` channels behind it.
func (b *Builder) channelSum(x *Value, before, after int) *Value {
	n, c, s := x.Shape[0], x.Shape[1], nd.Size(x.Shape[2:])
	return b.emit(nd.Float32, x.Shape, Op{
		name: "ChannelSum",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			norm.ChannelSum(w, n, c, s, before, after, in[0].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value { return []*Value{b.channelSum(gy, after, before)} },
		more: perElement * count(x.Len(), min(c, before+after+1)),
	}, x)
}

// buildLRN: y = x·s^-β with s = bias + α/size·Σx² over the nearest channels. s is
// positive, so that the power can be computed with logarithms.
func buildLRN(c *Call) []*Value {
	x := c.channelled(0)
	size := c.Int("size", 0)
	if size < 1 {
		c.fail("size of %d", size)
	}
	before := min((size-1)/2, x.Shape[1])
	after := min(size-1-(size-1)/2, x.Shape[1])
	sum := c.Scale(c.channelSum(c.Mul(x, x), before, after), c.Float32("alpha", 1e-4)/float32(size))
	s := c.Add(sum, c.Scalar(c.Float32("bias", 1)))
	return []*Value{c.Mul(x, c.Exp(c.Scale(c.Log(s), -c.Float32("beta", 0.75))))}
}

// buildMeanVarianceNormalization adds the same small number to the standard
// deviation as ONNX's own definition.
func buildMeanVarianceNormalization(c *Call) []*Value {
	x := c.Float(0)
	axes := c.IntsAttr("axes")
	if axes == nil {
		axes = []int{0, 2, 3}
	}
	axes = c.Axes(axes, x.Rank())
	d := c.Sub(x, c.MeanOver(x, axes...))
	deviation := c.Sqrt(c.MeanOver(c.Mul(d, d), axes...))
	return []*Value{c.Div(d, c.Add(deviation, c.Scalar(1e-9)))}
}
