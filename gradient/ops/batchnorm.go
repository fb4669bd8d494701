package ops

import (
	"slices"

	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/nd"
)

// batchnorm: BatchNormalization (opset 7 and later).

// scaleShift returns x·a + s with one a and one s per channel of x [N, C, …].
func (b *Builder) scaleShift(x, a, s *Value) *Value {
	n, c := x.Shape[0], x.Shape[1]
	inner := nd.Size(x.Shape[2:])
	if inner == 1 { // rows of channels: no need to visit them one by one
		return b.addChannels(b.Mul(x, b.alongChannels(a, x.Rank())), s)
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: "ScaleShift",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			kernel.ScaleShift(w, n, c, inner, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
		},
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: "ScaleShift.grad",
				run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
					kernel.ScaleShiftGrad(w, n, c, inner, nil, in[0].Float32s(), in[1].Float32s(), out.Float32s(), nil, nil)
				},
			}, a, gy)
			ga, gs := b.scaleAndBias("ScaleShift", c, func(w *kernel.Workers, in []nd.Array, ga, gs []float32) {
				kernel.ScaleShiftGrad(w, n, c, inner, in[0].Float32s(), nil, in[1].Float32s(), nil, ga, gs)
			}, x, gy)
			return []*Value{gx, ga, gs}
		},
	}, x, a, s)
}

// buildBatchNormalization folds the statistics into one scale and one shift per
// channel: y = x·a + (bias - mean·a), a = scale/√(var + ε). The statistics are
// weights like any other, and have gradients.
func buildBatchNormalization(c *Call) []*Value {
	x := c.Float(0)
	training := c.Opset >= 14 && c.Bool("training_mode", false)
	switch more := c.Wants(1) || c.Wants(2) || c.Wants(3) || c.Wants(4); {
	case training:
		return c.batchStatistics()
	case more && c.Opset < 14: // which is how older operator sets ask for it
		unsupported("training mode (export the model in inference mode)")
	case more:
		c.fail("running statistics are outputs in training mode only")
	case c.Opset < 9 && !c.Bool("spatial", true):
		return c.perActivation(x)
	}
	shape := x.Shape
	if x.Rank() == 1 { // one channel
		x = c.Reshape(x, x.Len(), 1)
	}
	a, shift := c.foldStatistics(x, func(i int) *Value { return c.vector(i, x.Shape[1]) })
	return []*Value{c.Reshape(c.scaleShift(x, a, shift), shape...)}
}

func (c *Call) foldStatistics(x *Value, param func(i int) *Value) (a, shift *Value) {
	if x.Rank() < 1 {
		c.fail("input of shape %v has no channels", x.Shape)
	}
	scale, bias, mean, variance := param(1), param(2), param(3), param(4)
	a = c.Div(scale, c.Sqrt(c.Add(variance, c.Scalar(c.Float32("epsilon", 1e-5)))))
	return a, c.Sub(bias, c.Mul(mean, a))
}

// perActivation is opset 7 with spatial = 0: every element of a sample has its
// own statistics.
func (c *Call) perActivation(x *Value) []*Value {
	a, shift := c.foldStatistics(x, func(i int) *Value {
		if p := c.Float(i); !slices.Equal(p.Shape, x.Shape[1:]) {
			c.fail("input %d of shape %v for an input of shape %v with spatial = 0", i, p.Shape, x.Shape)
		}
		return c.Input(i)
	})
	return []*Value{c.Add(c.Mul(x, a), shift)}
}

// batchStatistics is training mode: the statistics are those of the batch, and
// the running ones, which are outputs, follow them.
func (c *Call) batchStatistics() []*Value {
	x := c.channelled(0)
	n := x.Shape[1]
	axes := slices.Delete(axesUpTo(x.Rank()), 1, 2)
	mean := c.MeanOver(x, axes...)
	d := c.Sub(x, mean)
	variance := c.MeanOver(c.Mul(d, d), axes...)
	y := c.Div(d, c.Sqrt(c.Add(variance, c.Scalar(c.Float32("epsilon", 1e-5)))))
	momentum := c.Float32("momentum", 0.9)
	running := func(i int, now *Value) *Value {
		return c.Add(c.Scale(c.vector(i, n), momentum), c.Scale(c.Reshape(now, n), 1-momentum))
	}
	return []*Value{
		c.scaleShift(y, c.vector(1, n), c.vector(2, n)),
		running(3, mean), running(4, variance),
	}
}
