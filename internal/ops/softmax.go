package ops

import (
	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// softmax: Softmax, LogSoftmax. Until opset 12 the input is treated as a matrix:
// all axes from `axis` on are merged. From 13 on the softmax is along `axis`.

// softmaxFunc is a function of the middle axis of [outer, n, inner], with its
// gradient.
type softmaxFunc struct {
	name    string
	forward func(w *parallel.Workers, outer, n, inner int, x, y []float32)
	grad    func(w *parallel.Workers, outer, n, inner int, y, gy, gx []float32)
}

var (
	plainSoftmax = softmaxFunc{"Softmax", elementwise.Softmax, elementwise.SoftmaxGrad}
	logSoftmax   = softmaxFunc{"LogSoftmax", elementwise.LogSoftmax, elementwise.LogSoftmaxGrad}
)

// softmaxKernel is a softmax or its logarithm.
type softmaxKernel struct {
	runFunc
	lastAxis        bool // it is a softmax along the last axis
	outer, n, inner int  // of the input's shape, with the axis in the middle
}

// softmax normalises the middle axis of x, which is treated as [outer, n, inner].
func (b *Builder) softmax(f softmaxFunc, x *Value, outer, n, inner int) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: f.name,
		kernel: &softmaxKernel{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			f.forward(w, outer, n, inner, in[0].Float32s(), out.Float32s())
		}, f.name == "Softmax" && inner == 1 && n == x.Shape[max(x.Rank()-1, 0)], outer, n, inner},
		diff: func(y, gy *Value) []*Value {
			return []*Value{b.emit(nd.Float32, x.Shape, Op{
				name: f.name + ".grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					f.grad(w, outer, n, inner, in[0].Float32s(), in[1].Float32s(), out.Float32s())
				}),
			}, y, gy)}
		},
	}, x)
}

// Softmax returns the softmax of x along an axis.
func (b *Builder) Softmax(x *Value, axis int) *Value {
	return b.softmax(plainSoftmax, x, nd.Size(x.Shape[:axis]), x.Shape[axis], nd.Size(x.Shape[axis+1:]))
}

func buildSoftmax(k softmaxFunc) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		x := c.Float(0)
		if x.Len() == 0 {
			return []*Value{x}
		}
		if !c.From(13) {
			axis := c.Int("axis", 1)
			if axis != x.Rank() {
				axis = c.Axis(axis, x.Rank())
			}
			outer := nd.Size(x.Shape[:axis])
			return []*Value{c.softmax(k, x, outer, x.Len()/outer, 1)}
		}
		axis := c.Axis(c.Int("axis", -1), x.Rank())
		return []*Value{c.softmax(k, x, nd.Size(x.Shape[:axis]), x.Shape[axis], nd.Size(x.Shape[axis+1:]))}
	}
}

var softmaxes = family{
	"Softmax":    {1, buildSoftmax(plainSoftmax)},
	"LogSoftmax": {1, buildSoftmax(logSoftmax)},
}
