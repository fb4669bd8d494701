package ops

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/pool"
	"github.com/advparams/advparams/nd"
)

// pool: MaxPool, AveragePool (opset 1, 7, 10, 19), GlobalMaxPool,
// GlobalAveragePool.

func (b *Builder) pool(name string, g pool.Pool, x *Value, forward func(*parallel.Workers, []float32, []float32), grad Op, needsInput bool) *Value {
	shape := append([]int{x.Shape[0], x.Shape[1]}, g.Out...)
	return b.emit(nd.Float32, shape, Op{
		name: name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			forward(w, in[0].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			if needsInput {
				return []*Value{b.emit(nd.Float32, x.Shape, grad, x, gy)}
			}
			return []*Value{b.emit(nd.Float32, x.Shape, grad, gy)}
		},
		more: poolWork(g),
	}, x)
}

func (b *Builder) maxPool(g pool.Pool, x *Value) *Value {
	return b.pool("MaxPool", g, x, g.MaxForward, Op{
		name: "MaxPool.grad",
		kernel: epilogueFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
			g := g
			g.Epilogue = e.Run
			g.MaxGrad(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
		}),
	}, true)
}

func (b *Builder) averagePool(g pool.Pool, x *Value) *Value {
	return b.pool("AveragePool", g, x, g.AvgForward, Op{
		name: "AveragePool.grad",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			g.AvgGrad(w, in[0].Float32s(), out.Float32s())
		}),
	}, false)
}

// maxIndices returns MaxPool's second output: the position of each maximum in the
// flattened input. columnMajor counts the spatial axes in reverse.
func (b *Builder) maxIndices(g pool.Pool, x *Value, columnMajor bool) *Value {
	shape := append([]int{x.Shape[0], x.Shape[1]}, g.Out...)
	plane := nd.Size(g.In)
	return b.emit(nd.Int64, shape, Op{
		name: "MaxPool.indices",
		more: poolWork(g),
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			at := out.Int64s()
			g.MaxIndices(w, in[0].Float32s(), at)
			if !columnMajor {
				return
			}
			for i, k := range at {
				rest, transposed, step := int(k)%plane, 0, 1
				for _, s := range indexOf(rest, g.In) {
					transposed += s.index * step
					step *= s.size
				}
				at[i] = k - int64(rest) + int64(transposed)
			}
		}),
	}, x)
}

type axisIndex struct{ index, size int }

// indexOf returns the index of an element on each axis.
func indexOf(at int, shape []int) []axisIndex {
	index := make([]axisIndex, len(shape))
	for a := len(shape) - 1; a >= 0; a-- {
		index[a] = axisIndex{at % shape[a], shape[a]}
		at /= shape[a]
	}
	return index
}

func buildMaxPool(c *Call) []*Value {
	x, g := c.pool()
	// Integers are computed in float32, which is exact up to 2²⁴.
	y := c.Cast(c.maxPool(g, c.Cast(x, nd.Float32)), x.DType)
	if c.NumOutputs() < 2 || c.Node.GetOutput()[1] == "" {
		return []*Value{y}
	}
	return []*Value{y, c.maxIndices(g, c.Cast(x, nd.Float32), c.Bool("storage_order", false))}
}

func buildAveragePool(c *Call) []*Value {
	c.Float(0)
	x, g := c.pool()
	return []*Value{c.averagePool(g, x)}
}

// pool reads the attributes of a pooling operator.
func (c *Call) pool() (x *Value, g pool.Pool) {
	x = c.Input(0)
	size := c.IntsAttr("kernel_shape")
	if x.Rank() != len(size)+2 {
		c.fail("kernel_shape %v for an input of shape %v", size, x.Shape)
	}
	w := c.window(size)
	out := c.fit(&w, x, c.Bool("ceil_mode", false))
	return x, pool.Pool{
		Planes: x.Shape[0] * x.Shape[1], In: x.Shape[2:], Kernel: w.kernel, Out: out,
		Stride: w.stride, Dilation: w.dilation, Pad: w.pad, PadEnd: w.padEnd,
		IncludePad: c.Bool("count_include_pad", false),
	}
}

// buildGlobal returns the build function of a reduction over all spatial axes.
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
	"MaxPool":           {1, buildMaxPool},
	"AveragePool":       {1, buildAveragePool},
	"GlobalAveragePool": {1, buildGlobal((*Builder).MeanOver)},
	"GlobalMaxPool":     {1, buildGlobal((*Builder).Max)},
}
