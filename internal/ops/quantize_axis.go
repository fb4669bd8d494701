package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/quantize"
	"github.com/advparams/advparams/nd"
)

// quantizer returns how x is divided among scales, and zero points if there are
// any: one for all, or one for each index of an axis. ok is false for blocks.
func quantizer(x, scale, zero *Value) (q quantize.Quantizer, ok bool) {
	if zero != nil && !slices.Equal(zero.Shape, scale.Shape) {
		return q, false
	}
	if scale.Len() == 1 {
		return quantize.Quantizer{Outer: 1, Channels: 1, Inner: x.Len()}, true
	}
	for axis, n := range scale.Shape {
		if n == scale.Len() && n == x.Shape[axis] {
			return quantize.Quantizer{Outer: nd.Size(x.Shape[:axis]), Channels: n, Inner: nd.Size(x.Shape[axis+1:])}, true
		}
	}
	return q, false
}

// present returns the values that are not nil.
func present(values ...*Value) []*Value {
	return slices.DeleteFunc(values, func(v *Value) bool { return v == nil })
}

// zeroOf returns the zero points among inputs, or nil if they are left out.
func zeroOf(in []nd.Array, i int) []float32 {
	if i < len(in) {
		return in[i].Float32s()
	}
	return nil
}

// quantizeBy returns round(x/scale) + zero, clamped; see quantize for its gradient.
func (b *Builder) quantizeBy(q quantize.Quantizer, x, scale, zero *Value) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: "Quantize",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			q.Forward(w, in[0].Float32s(), in[1].Float32s(), zeroOf(in, 2), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: "Quantize.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					q.Grad(w, in[0].Float32s(), in[1].Float32s(), zeroOf(in, 3), in[2].Float32s(), out.Float32s())
				}),
			}, present(x, scale, gy, zero)...)
			grads := []*Value{gx, b.Neg(b.Div(b.inner(gx, x, scale.Shape), scale))}
			if zero != nil {
				grads = append(grads, b.Mul(b.SumTo(gx, zero.Shape), scale))
			}
			return grads
		},
	}, present(x, scale, zero)...)
}

// dequantizeBy returns (x - zero)·scale.
func (b *Builder) dequantizeBy(q quantize.Quantizer, x, scale, zero *Value) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: "Dequantize",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			q.Dequantize(w, in[0].Float32s(), in[1].Float32s(), zeroOf(in, 2), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: "Dequantize.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					q.DequantizeGrad(w, in[1].Float32s(), in[0].Float32s(), out.Float32s())
				}),
			}, gy, scale)
			if zero == nil {
				return []*Value{gx, b.inner(gy, x, scale.Shape)}
			}
			return []*Value{gx, b.inner(gy, b.Sub(x, zero), scale.Shape), b.Neg(b.SumTo(gx, zero.Shape))}
		},
	}, present(x, scale, zero)...)
}

// inner sums x·y over the axes along which an array of the given shape is
// broadcast.
func (b *Builder) inner(x, y *Value, shape []int) *Value {
	if nd.Size(shape) == 1 {
		return b.Reshape(b.Dot(x, y), shape...)
	}
	return b.SumTo(b.Mul(x, y), shape)
}
