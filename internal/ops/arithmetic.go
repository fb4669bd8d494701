package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/nd"
)

// arithmetic: Add, Sub, Mul, Div, Pow, Sum, Mean (opset 7 and later:
// multidirectional broadcasting).

// binary describes an elementwise operator of two broadcast operands.
type binary struct {
	name string
	f    func(z, x, y []float32)
	i    func(z, x, y []int64)
	// diff returns the gradients before they are summed to the operands' shapes.
	diff func(b *Builder, x, y, z, gz *Value) (gx, gy *Value)
}

// summed returns integers as numbers if they meet sums of products of integers (isSum), which
// are numbers here so that they have gradients: a bias of a quantised convolution.
func (b *Builder) summed(x, other *Value) *Value {
	if x.DType == nd.Int64 && isSum(other) {
		return b.Cast(x, nd.Float32)
	}
	return x
}

func (b *Builder) binary(o binary, x, y *Value) *Value {
	x, y = b.summed(x, y), b.summed(y, x)
	if x.DType != y.DType {
		fail("%s: operands of type %v and %v", o.name, x.DType, y.DType)
	}
	shape := broadcastShape(o.name, x.Shape, y.Shape)
	xs, ys := broadcastStrides(x.Shape, shape), broadcastStrides(y.Shape, shape)
	op := Op{name: o.name}
	var whole inPlace // operands that are not repeated
	if slices.Equal(x.Shape, shape) {
		whole = append(whole, 0)
	}
	if slices.Equal(y.Shape, shape) {
		whole = append(whole, 1)
	}
	switch {
	case x.DType == nd.Float32:
		if len(whole) == 2 {
			op.kernel = pointwise{func(out nd.Array, in []nd.Array, lo, hi int) {
				o.f(out.Float32s()[lo:hi], in[0].Float32s()[lo:hi], in[1].Float32s()[lo:hi])
			}, whole}
		} else {
			op.kernel = broadcastKernel{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
				elementwise.Broadcast(w, shape, out.Float32s(), in[0].Float32s(), xs, in[1].Float32s(), ys, o.f)
			}, whole}
		}
		if o.diff != nil {
			op.diff = func(z, gz *Value) []*Value {
				gx, gy := o.diff(b, x, y, z, gz)
				return []*Value{b.sumToOrNil(gx, x.Shape), b.sumToOrNil(gy, y.Shape)}
			}
		}
	case x.DType == nd.Int64 && o.i != nil:
		op.kernel = broadcastKernel{func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			elementwise.Broadcast(w, shape, out.Int64s(), in[0].Int64s(), xs, in[1].Int64s(), ys, o.i)
		}, whole}
	default:
		fail("%s: operands of type %v", o.name, x.DType)
	}
	return b.emit(x.DType, shape, op, x, y)
}

func (b *Builder) sumToOrNil(g *Value, shape []int) *Value {
	if g == nil {
		return nil
	}
	return b.SumTo(g, shape)
}

func powF32(z, x, y []float32) {
	for i := range z {
		switch y[i] {
		case 2:
			z[i] = x[i] * x[i]
		case 0.5:
			z[i] = float32(math.Sqrt(float64(x[i])))
		default:
			z[i] = float32(math.Pow(float64(x[i]), float64(y[i])))
		}
	}
}

// each applies a function of two elements to slices.
func each[T nd.Elem](f func(x, y T) T) func(z, x, y []T) {
	return func(z, x, y []T) {
		for i := range z {
			z[i] = f(x[i], y[i])
		}
	}
}

// orZero makes integer division by zero return 0. A model decides the divisor.
func orZero(f func(x, y int64) int64) func(x, y int64) int64 {
	return func(x, y int64) int64 {
		if y == 0 {
			return 0
		}
		return f(x, y)
	}
}

// The descriptions are functions because their gradients refer to one another.

func opAdd() binary {
	return binary{"Add", simd.Add, each(func(x, y int64) int64 { return x + y }),
		func(_ *Builder, _, _, _, gz *Value) (*Value, *Value) { return gz, gz }}
}

func opSub() binary {
	return binary{"Sub", simd.Sub, each(func(x, y int64) int64 { return x - y }),
		func(b *Builder, _, _, _, gz *Value) (*Value, *Value) { return gz, b.Neg(gz) }}
}

func opMul() binary {
	return binary{"Mul", simd.Mul, each(func(x, y int64) int64 { return x * y }),
		func(b *Builder, x, y, _, gz *Value) (*Value, *Value) { return b.Mul(gz, y), b.Mul(gz, x) }}
}

func opDiv() binary {
	return binary{"Div", simd.Div, each(orZero(func(x, y int64) int64 { return x / y })),
		func(b *Builder, _, y, z, gz *Value) (*Value, *Value) {
			gx := b.Div(gz, y)
			return gx, b.Neg(b.Mul(gx, z))
		}}
}

func opPow() binary { return binary{"Pow", powF32, each(powInt), diffPow} }

// Add returns x + y, broadcast.
func (b *Builder) Add(x, y *Value) *Value {
	if z := b.addBias(x, y); z != nil {
		return z
	}
	return b.binary(opAdd(), x, y)
}

// Sub returns x - y, broadcast.
func (b *Builder) Sub(x, y *Value) *Value { return b.binary(opSub(), x, y) }

// Mul returns x · y elementwise, broadcast.
func (b *Builder) Mul(x, y *Value) *Value {
	if z := b.geluOf(x, y); z != nil {
		return z
	}
	return b.binary(opMul(), x, y)
}

// Div returns x / y, broadcast. Integer division truncates.
func (b *Builder) Div(x, y *Value) *Value { return b.binary(opDiv(), x, y) }

// Pow returns x to the power y, broadcast.
func (b *Builder) Pow(x, y *Value) *Value { return b.binary(opPow(), x, y) }

func powInt(x, y int64) int64 {
	z := int64(1)
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			z *= x
		}
		x *= x
	}
	return z
}

// diffPow: d(xʸ)/dx = y·xʸ⁻¹, d(xʸ)/dy = xʸ·ln x, which is 0 for x = 0.
func diffPow(b *Builder, x, y, z, gz *Value) (gx, gy *Value) {
	gx = b.Mul(gz, b.Mul(y, b.Pow(x, b.Sub(y, b.Scalar(1)))))
	gy = b.Mul(gz, b.Mul(z, b.Log(b.Where(b.Equal(x, b.Scalar(0)), b.Scalar(1), x))))
	return gx, gy
}

// foldBinary returns the build function of a variadic operator (Sum, Max, Min) made
// of a binary one.
func foldBinary(f func(b *Builder, x, y *Value) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		z := c.Input(0)
		for i := 1; i < c.NumInputs(); i++ {
			z = f(c.Builder, z, c.Input(i))
		}
		return []*Value{z}
	}
}

func buildTwo(f func(b *Builder, x, y *Value) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{f(c.Builder, c.Input(0), c.Input(1))} }
}

func buildBinary(o binary) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{c.binary(o, c.Input(0), c.Input(1))} }
}

var arithmetic = family{
	"Add": {7, buildTwo((*Builder).Add)},
	"Sub": {7, buildBinary(opSub())},
	"Mul": {7, buildTwo((*Builder).Mul)},
	"Div": {7, buildBinary(opDiv())},
	"Pow": {7, buildPow},
	"Sum": {6, foldBinary((*Builder).Add)},
	"Mean": {6, func(c *Call) []*Value {
		sum := foldBinary((*Builder).Add)(c)[0]
		return []*Value{c.Scale(sum, 1/float32(c.NumInputs()))}
	}},
}

// buildPow builds Pow. Since opset 12 the exponent may have another type than the
// base.
func buildPow(c *Call) []*Value {
	x, y := c.Input(0), c.Input(1)
	if x.DType == y.DType {
		return []*Value{c.Pow(x, y)}
	}
	t := x.DType
	return []*Value{c.Cast(c.Pow(c.Cast(x, nd.Float32), c.Cast(y, nd.Float32)), t)}
}
