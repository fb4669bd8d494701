package ops

import (
	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/nd"
)

// pool: MaxPool, AveragePool (opset 1, 7, 10, 19), GlobalMaxPool,
// GlobalAveragePool.

func (b *Builder) pool(name string, g kernel.Pool, x *Value, forward func(*kernel.Workers, []float32, []float32), grad Op, needsInput bool) *Value {
	shape := append([]int{x.Shape[0], x.Shape[1]}, g.Out...)
	return b.emit(nd.Float32, shape, Op{
		name: name,
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			forward(w, in[0].Float32s(), out.Float32s())
		},
		diff: func(_, gy *Value) []*Value {
			if needsInput {
				return []*Value{b.emit(nd.Float32, x.Shape, grad, x, gy)}
			}
			return []*Value{b.emit(nd.Float32, x.Shape, grad, gy)}
		},
	}, x)
}

func (b *Builder) maxPool(g kernel.Pool, x *Value) *Value {
	return b.pool("MaxPool", g, x, g.MaxForward, Op{
		name: "MaxPool.grad",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			g.MaxGrad(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
		},
	}, true)
}

func (b *Builder) averagePool(g kernel.Pool, x *Value) *Value {
	return b.pool("AveragePool", g, x, g.AvgForward, Op{
		name: "AveragePool.grad",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			g.AvgGrad(w, in[0].Float32s(), out.Float32s())
		},
	}, false)
}

func buildPool(apply func(b *Builder, g kernel.Pool, x *Value) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		x := c.Float(0)
		size := c.IntsAttr("kernel_shape")
		if x.Rank() != len(size)+2 {
			c.fail("kernel_shape %v for an input of shape %v", size, x.Shape)
		}
		if c.NumOutputs() > 1 && c.Node.GetOutput()[1] != "" {
			unsupported("the second output (indices)")
		}
		w := c.window(size)
		out := w.fit(x.Shape[2:], c.Bool("ceil_mode", false))
		return []*Value{apply(c.Builder, kernel.Pool{
			Planes: x.Shape[0] * x.Shape[1], In: x.Shape[2:], Kernel: w.kernel, Out: out,
			Stride: w.stride, Dilation: w.dilation, Pad: w.pad, PadEnd: w.padEnd,
			IncludePad: c.Bool("count_include_pad", false),
		}, x)}
	}
}

// buildGlobal builds a reduction over all spatial axes.
func buildGlobal(reduce func(b *Builder, x *Value, axes ...int) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		x := c.Float(0)
		if x.Rank() < 3 {
			c.fail("input of shape %v has no spatial axes", x.Shape)
		}
		return []*Value{reduce(c.Builder, x, axesUpTo(x.Rank())[2:]...)}
	}
}

var pooling = family{
	"MaxPool":           {1, buildPool((*Builder).maxPool)},
	"AveragePool":       {1, buildPool((*Builder).averagePool)},
	"GlobalAveragePool": {1, buildGlobal((*Builder).MeanOver)},
	"GlobalMaxPool":     {1, buildGlobal((*Builder).Max)},
}
