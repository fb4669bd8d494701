package ops

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/nd"
)

// unary: Neg, Exp, Log, Sqrt, Erf, Abs, Reciprocal, Floor, Ceil, Round, Sign,
// Identity. Activation functions are in activation.go, trigonometric ones in
// trigonometry.go.

// unary describes y = f(x), slice by slice. The gradient is computed either from x
// (dx) or from y (dy), so that only one of them is kept for the backward
// computation. Without dx and dy the gradient is zero. Slices do not overlap,
// except that with inPlace y may be x, and gx may be gy. gx may serve as scratch
// memory.
type unary struct {
	name string
	f    func(y, x []float32)
	dx   func(gx, x, gy []float32)
	dy   func(gx, y, gy []float32)

	inPlace  bool
	positive bool // it is x where that is positive, else 0
}

func (b *Builder) unary(o unary, x *Value) *Value {
	if x.DType != nd.Float32 {
		fail("%s: operand of type %v", o.name, x.DType)
	}
	k := pointwise{run: func(out nd.Array, in []nd.Array, lo, hi int) {
		o.f(out.Float32s()[lo:hi], in[0].Float32s()[lo:hi])
	}}
	if o.inPlace {
		k.overwrites = inPlace{0}
	}
	op := Op{name: o.name, kernel: k}
	if o.positive {
		op.kernel = clamp{k, func([]nd.Array) *conv.Clamp { return &conv.Clamp{Hi: float32(math.Inf(1))} }}
	}
	switch {
	case o.dx != nil:
		op.diff = func(_, gy *Value) []*Value { return []*Value{b.unaryGrad(o, o.dx, x, gy)} }
	case o.dy != nil:
		op.diff = func(y, gy *Value) []*Value { return []*Value{b.unaryGrad(o, o.dy, y, gy)} }
	}
	return b.emit(nd.Float32, x.Shape, op, x)
}

// unaryGrad returns the gradient computed from v, which is the input or the output.
func (b *Builder) unaryGrad(o unary, d func(gx, v, gy []float32), v, gy *Value) *Value {
	if o.positive {
		if g := b.gated(o.name+".grad", v, b.Scalar(0), b.Scalar(float32(math.Inf(1))), gy); g != nil {
			return g
		}
	}
	k := pointwise{run: func(out nd.Array, in []nd.Array, lo, hi int) {
		d(out.Float32s()[lo:hi], in[0].Float32s()[lo:hi], in[1].Float32s()[lo:hi])
	}}
	if o.inPlace {
		k.overwrites = inPlace{1}
	}
	return b.emit(nd.Float32, v.Shape, Op{name: o.name + ".grad", kernel: k}, v, gy)
}

// each1 applies a function of float64 to slices.
func each1(f func(x float64) float64) func(y, x []float32) {
	return func(y, x []float32) {
		for i, v := range x {
			y[i] = float32(f(float64(v)))
		}
	}
}

// slope applies a derivative, a function of x or of y, to slices.
func slope(d func(v float32) float32) func(gx, v, gy []float32) {
	return func(gx, v, gy []float32) {
		for i, g := range gy {
			gx[i] = g * d(v[i])
		}
	}
}

var (
	opExp = unary{name: "Exp", f: simd.Exp, dy: simd.Mul}
	opLog = unary{name: "Log", f: simd.Log, dx: func(gx, x, gy []float32) { simd.Div(gx, gy, x) }}

	opSqrt = unary{name: "Sqrt", f: each1(math.Sqrt), dy: func(gx, y, gy []float32) {
		for i, g := range gy {
			gx[i] = 0.5 * g / y[i]
		}
	}}
	opReciprocal = unary{name: "Reciprocal", f: func(y, x []float32) {
		for i, v := range x {
			y[i] = 1 / v
		}
	}, dy: func(gx, y, gy []float32) {
		for i, g := range gy {
			gx[i] = -g * y[i] * y[i]
		}
	}}
	// erf'(x) = 2/√π·exp(-x²)
	opErf = unary{name: "Erf", f: simd.Erf, dx: func(gx, x, gy []float32) {
		for i, v := range x {
			gx[i] = -v * v
		}
		simd.Exp(gx, gx)
		for i, g := range gy {
			gx[i] *= g * (2 / (math.SqrtPi))
		}
	}}

	opAbs   = unary{name: "Abs", f: each1(math.Abs), dx: slope(signOf)}
	opFloor = unary{name: "Floor", f: each1(math.Floor)}
	opCeil  = unary{name: "Ceil", f: each1(math.Ceil)}
	opSign  = unary{name: "Sign", f: func(y, x []float32) {
		for i, v := range x {
			y[i] = signOf(v)
		}
	}}
)

// signOf returns -1, 0 or 1.
func signOf(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// scaleKernel multiplies by a factor.
type scaleKernel struct {
	pointwise
	factor float32
}

// Scale returns f · x.
func (b *Builder) Scale(x *Value, f float32) *Value {
	if x.DType != nd.Float32 {
		fail("Scale: operand of type %v", x.DType)
	}
	return b.emit(nd.Float32, x.Shape, Op{
		name: "Scale",
		kernel: &scaleKernel{pointwise{func(out nd.Array, in []nd.Array, lo, hi int) {
			simd.Affine(out.Float32s()[lo:hi], in[0].Float32s()[lo:hi], f, 0)
		}, inPlace{0}}, f},
		diff: func(_, gy *Value) []*Value { return []*Value{b.Scale(gy, f)} },
	}, x)
}

// Neg returns -x, for floats or integers.
func (b *Builder) Neg(x *Value) *Value {
	if x.DType == nd.Int64 {
		return b.Sub(b.Const(nd.Scalar(int64(0))), x)
	}
	return b.Scale(x, -1)
}

// Exp returns eˣ.
func (b *Builder) Exp(x *Value) *Value { return b.unary(opExp, x) }

// Log returns the natural logarithm.
func (b *Builder) Log(x *Value) *Value { return b.unary(opLog, x) }

// Sqrt returns the square root.
func (b *Builder) Sqrt(x *Value) *Value { return b.unary(opSqrt, x) }

// buildRound passes the gradient on, as QuantizeLinear does: networks that are trained to be quantised
// round in their graphs.
func buildRound(c *Call) []*Value { return []*Value{c.roundThrough(c.Float(0))} }

func buildUnary(o unary) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{c.unary(o, c.Float(0))} }
}

var unaries = family{
	"Neg":        {6, func(c *Call) []*Value { return []*Value{c.Neg(c.Input(0))} }},
	"Exp":        {6, buildUnary(opExp)},
	"Log":        {6, buildUnary(opLog)},
	"Sqrt":       {6, buildUnary(opSqrt)},
	"Erf":        {9, buildUnary(opErf)},
	"Reciprocal": {6, buildUnary(opReciprocal)},
	"Floor":      {6, buildUnary(opFloor)},
	"Ceil":       {6, buildUnary(opCeil)},
	"Round":      {11, buildRound},
	"Identity":   {1, func(c *Call) []*Value { return []*Value{c.Input(0)} }},
	"Abs":        {6, func(c *Call) []*Value { return []*Value{c.evenInts(opAbs, c.Input(0))} }},
	"Sign":       {9, func(c *Call) []*Value { return []*Value{c.evenInts(opSign, c.Input(0))} }},
}

// evenInts applies a unary to floats, or to integers in float32, which is exact up
// to 2²⁴.
func (c *Call) evenInts(o unary, x *Value) *Value {
	if x.DType == nd.Int64 {
		return c.Cast(c.unary(o, c.Cast(x, nd.Float32)), nd.Int64)
	}
	return c.unary(o, x)
}
