package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/norm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// batchnorm: BatchNormalization (opset 7 and later).

// scaleShift returns x·a + s, with one element of a and of s for each channel of x
// [N, C, …].
func (b *Builder) scaleShift(x, a, s *Value) *Value {
	if y := b.foldIntoConv(x, a, s); y != nil {
		return y
	}
	return b.scaleAxis(x, 1, a, s)
}

// scaleAxis returns x·a + s, with one element of a and of s for each index of an
// axis of x. s may be nil.
func (b *Builder) scaleAxis(x *Value, axis int, a, s *Value) *Value {
	channels, inner := a.Len(), nd.Size(x.Shape[axis+1:])
	if inner < 2 && s != nil { // rows of channels: no need to visit them one by one
		return b.addChannels(b.Mul(x, b.alongChannels(a, x.Rank())), s)
	}
	in := []*Value{x, a}
	if s != nil {
		in = append(in, s)
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: "ScaleShift",
		kernel: pointwise{func(out nd.Array, in []nd.Array, lo, hi int) {
			var s []float32
			if len(in) > 2 {
				s = in[2].Float32s()
			}
			norm.ScaleShiftSlice(inner, lo, hi, in[0].Float32s(), in[1].Float32s(), s, out.Float32s())
		}, inPlace{0}},
		diff: func(_, gy *Value) []*Value {
			gx := b.scaleAxis(gy, axis, a, nil)
			ga, gs := b.scaleAndBias("ScaleShift", channels, nil, func(w *parallel.Workers, in []nd.Array, ga, gs []float32) {
				if s == nil {
					gs = nil
				}
				norm.ScaleShiftGrad(w, x.Len()/max(1, channels*inner), channels, inner, in[0].Float32s(), in[1].Float32s(), ga, gs)
			}, x, gy)
			return []*Value{gx, ga, gs}[:len(in)]
		},
	}, in...)
}

// foldIntoConv returns x·a + s, per channel, as another convolution if x is one,
// and else nil. The weights are multiplied by a, and the bias is multiplied by a
// and added to s. That is a pass over weights instead of values, and the values
// need not be kept for the gradient by a.
//
// The original convolution runs only if something else reads it.
func (b *Builder) foldIntoConv(x, a, s *Value) *Value {
	if c, ok := kernelOf[*convKernel](x); ok && x.Len() >= 2*x.in[1].Len() {
		if len(x.in) > 2 {
			s = b.Add(b.Mul(x.in[2], a), s)
		}
		return b.conv(c.conv, x.in[0], b.scaleAxis(x.in[1], 0, a, nil), s)
	}
	if c, ok := kernelOf[*convTransposeKernel](x); ok && x.Len() >= 2*x.in[1].Len() && c.conv.Group == 1 {
		// The channels of the result are on axis 1 of the weights.
		return b.addChannels(b.convTranspose(c.conv, x.in[0], b.scaleAxis(x.in[1], 1, a, nil)), s)
	}
	return nil
}

// buildBatchNormalization reduces the statistics to one scale and one shift per
// channel: y = x·a + (bias - mean·a), a = scale/√(var + ε). The statistics are
// weights with gradients.
func buildBatchNormalization(c *Call) []*Value {
	x := c.Float(0)
	training := c.From(14) && c.Bool("training_mode", false)
	switch more := c.Wants(1) || c.Wants(2) || c.Wants(3) || c.Wants(4); {
	case training:
		return c.batchStatistics()
	case more && !c.From(14): // which is how older operator sets ask for it
		unsupported("training mode (export the model in inference mode)")
	case more:
		c.fail("running statistics are outputs in training mode only")
	case !c.From(9) && !c.Bool("spatial", true):
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

// perActivation is opset 7 with spatial = 0: every element of a sample has its own
// statistics.
func (c *Call) perActivation(x *Value) []*Value {
	a, shift := c.foldStatistics(x, func(i int) *Value {
		if p := c.Float(i); !slices.Equal(p.Shape, x.Shape[1:]) {
			c.fail("input %d of shape %v for an input of shape %v with spatial = 0", i, p.Shape, x.Shape)
		}
		return c.Input(i)
	})
	return []*Value{c.Add(c.Mul(x, a), shift)}
}

// batchStatistics is training mode: it uses the statistics of the batch, and
// updates the running statistics, which are outputs.
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
