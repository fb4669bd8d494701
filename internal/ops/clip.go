package ops

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/nd"
)

// clip: Where (opset 9), Max and Min of any number of operands (opset 8: with
// broadcasting), Clip (bounds are attributes before opset 11). Each chooses one of
// its operands for every element, and the chosen operand gets the gradient.

// Where returns x where cond holds and y elsewhere, broadcast.
func (b *Builder) Where(cond, x, y *Value) *Value {
	if cond.DType != nd.Bool || x.DType != y.DType {
		fail("Where: operands of type %v, %v and %v", cond.DType, x.DType, y.DType)
	}
	shape := broadcastShape("Where", broadcastShape("Where", cond.Shape, x.Shape), y.Shape)
	cs, xs, ys := broadcastStrides(cond.Shape, shape), broadcastStrides(x.Shape, shape), broadcastStrides(y.Shape, shape)
	return b.emit(x.DType, shape, Op{
		name: "Where",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			c := in[0].Bools()
			switch x := in[1].Data.(type) {
			case []int64:
				elementwise.Select(w, shape, out.Int64s(), c, cs, x, xs, in[2].Int64s(), ys)
			case []bool:
				elementwise.Select(w, shape, out.Bools(), c, cs, x, xs, in[2].Bools(), ys)
			default:
				elementwise.Select(w, shape, out.Float32s(), c, cs, in[1].Float32s(), xs, in[2].Float32s(), ys)
			}
		}),
		diff: func(_, gz *Value) []*Value {
			zero := b.Scalar(0)
			return []*Value{nil,
				b.SumTo(b.Where(cond, gz, zero), x.Shape),
				b.SumTo(b.Where(cond, zero, gz), y.Shape),
			}
		},
	}, cond, x, y)
}

// opMax and opMin divide the gradient evenly between equal operands.

func opMax() binary {
	return binary{"Max", maxF32, each(func(x, y int64) int64 { return max(x, y) }),
		diffChoice(func(x, y float32) bool { return x > y })}
}

func opMin() binary {
	return binary{"Min", minF32, each(func(x, y int64) int64 { return min(x, y) }),
		diffChoice(func(x, y float32) bool { return x < y })}
}

func maxF32(z, x, y []float32) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = max(x[i], y[i])
	}
}

func minF32(z, x, y []float32) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = min(x[i], y[i])
	}
}

func diffChoice(wins func(x, y float32) bool) func(b *Builder, x, y, z, gz *Value) (gx, gy *Value) {
	share := binary{name: "Share", f: each(func(x, y float32) float32 {
		switch {
		case wins(x, y):
			return 1
		case x == y:
			return 0.5
		}
		return 0
	})}
	return func(b *Builder, x, y, _, gz *Value) (gx, gy *Value) {
		return b.Mul(gz, b.binary(share, x, y)), b.Mul(gz, b.binary(share, y, x))
	}
}

// Maximum returns the larger of x and y elementwise, broadcast; NaN if either is.
func (b *Builder) Maximum(x, y *Value) *Value { return b.binary(opMax(), x, y) }

// Minimum returns the smaller of x and y elementwise, broadcast; NaN if either is.
func (b *Builder) Minimum(x, y *Value) *Value { return b.binary(opMin(), x, y) }

// Clip returns x clamped to the scalars [lo, hi]; hi wins if lo > hi. An element at
// or beyond a bound passes the gradient to the bound and not to x, as in ReLU6 of
// PyTorch and TensorFlow. The gradient can therefore be computed without x.
func (b *Builder) Clip(x, lo, hi *Value) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: "Clip",
		kernel: clamp{pointwise{func(out nd.Array, in []nd.Array, from, to int) {
			simd.Clip(out.Float32s()[from:to], in[0].Float32s()[from:to], in[1].Float32s()[0], in[2].Float32s()[0])
		}, inPlace{0}}, func(in []nd.Array) *conv.Clamp {
			return &conv.Clamp{Lo: in[1].Float32s()[0], Hi: in[2].Float32s()[0]}
		}},
		diff: func(y, gy *Value) []*Value {
			return []*Value{
				b.clipGrad(y, lo, hi, gy),
				b.clipLimitGrad(lo, func(x, lo, hi float32) bool { return x <= lo && lo < hi }, x, lo, hi, gy),
				b.clipLimitGrad(hi, func(x, lo, hi float32) bool { return x >= hi || hi < lo }, x, lo, hi, gy),
			}
		},
	}, x, lo, hi)
}

func (b *Builder) clipGrad(y, lo, hi, gy *Value) *Value {
	if g := b.gated("Clip.grad", y, lo, hi, gy); g != nil {
		return g
	}
	return b.emit(nd.Float32, y.Shape, Op{
		name: "Clip.grad",
		kernel: pointwise{func(out nd.Array, in []nd.Array, from, to int) {
			simd.ClipGrad(out.Float32s()[from:to], in[0].Float32s()[from:to], in[3].Float32s()[from:to], in[1].Float32s()[0], in[2].Float32s()[0])
		}, inPlace{3}},
	}, y, lo, hi, gy)
}

// clipLimitGrad returns the gradient by a bound: the sum of gy over the elements
// that were clamped to it. It is nil for a constant bound.
func (b *Builder) clipLimitGrad(limit *Value, cut func(x, lo, hi float32) bool, x, lo, hi, gy *Value) *Value {
	if _, known := limit.Constant(); known {
		return nil
	}
	return b.emit(nd.Float32, limit.Shape, Op{
		name: "Clip.grad",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			lo, hi, gy, sum := in[1].Float32s()[0], in[2].Float32s()[0], in[3].Float32s(), 0.0
			for i, v := range in[0].Float32s() {
				if cut(v, lo, hi) {
					sum += float64(gy[i])
				}
			}
			out.Float32s()[0] = float32(sum)
		}),
	}, x, lo, hi, gy)
}

func buildClip(c *Call) []*Value {
	x := c.Input(0)
	if x.DType == nd.Bool {
		c.fail("input of type bool")
	}
	lo, hi := c.limit(1, "min", -1), c.limit(2, "max", 1)
	for _, v := range []*Value{lo, hi} {
		if v != nil && (v.Len() != 1 || v.DType != x.DType) {
			c.fail("limit of type %v and shape %v for an input of type %v", v.DType, v.Shape, x.DType)
		}
	}
	if x.DType == nd.Int64 {
		if lo != nil {
			x = c.Maximum(x, c.Reshape(lo))
		}
		if hi != nil {
			x = c.Minimum(x, c.Reshape(hi))
		}
		return []*Value{x}
	}
	if lo == nil && hi == nil {
		return []*Value{x}
	}
	if lo == nil {
		lo = c.Scalar(float32(math.Inf(-1)))
	}
	if hi == nil {
		hi = c.Scalar(float32(math.Inf(1)))
	}
	return []*Value{c.Clip(x, lo, hi)}
}

// limit returns a bound of Clip, or nil.
func (c *Call) limit(input int, attr string, sign int) *Value {
	if c.From(11) {
		return c.Optional(input)
	}
	return c.Scalar(c.Float32(attr, float32(math.Inf(sign))))
}

func buildWhere(c *Call) []*Value {
	return []*Value{c.Where(c.Input(0), c.Input(1), c.Input(2))}
}

var choices = family{
	"Where": {9, buildWhere},
	"Clip":  {6, buildClip},
	"Max":   {6, foldBinary((*Builder).Maximum)},
	"Min":   {6, foldBinary((*Builder).Minimum)},
}
