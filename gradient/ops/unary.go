package ops

import (
	"math"

	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/nd"
)

// unary: operators that map each element by itself. The head of each entry is
// the function, below it is its derivative.

// unary describes y = f(x). df computes gx from x, y and gy, slice by slice; it
// is nil where the derivative is zero or undefined.
type unary struct {
	name string
	f    func(y, x []float32)
	df   func(gx, x, y, gy []float32)
}

func (b *Builder) unary(o unary, x *Value) *Value {
	if x.DType != nd.Float32 {
		fail("%s: operand of type %v", o.name, x.DType)
	}
	op := Op{
		name: o.name,
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			y, x := out.Float32s(), in[0].Float32s()
			w.For(len(y), 4096, func(lo, hi int) { o.f(y[lo:hi], x[lo:hi]) })
		},
	}
	if o.df != nil {
		op.diff = func(y, gy *Value) []*Value { return []*Value{b.unaryGrad(o, x, y, gy)} }
	}
	return b.emit(nd.Float32, x.Shape, op, x)
}

func (b *Builder) unaryGrad(o unary, x, y, gy *Value) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: o.name + ".grad",
		run: func(w *kernel.Workers, out nd.Array, in []nd.Array) {
			gx, x, y, gy := out.Float32s(), in[0].Float32s(), in[1].Float32s(), in[2].Float32s()
			w.For(len(gx), 4096, func(lo, hi int) { o.df(gx[lo:hi], x[lo:hi], y[lo:hi], gy[lo:hi]) })
		},
	}, x, y, gy)
}

// map1 lifts a function of float64 to a slice.
func map1(f func(x float64) float64) func(y, x []float32) {
	return func(y, x []float32) {
		for i, v := range x {
			y[i] = float32(f(float64(v)))
		}
	}
}

// slope lifts a derivative dy/dx, given x and y, to a slice.
func slope(f func(x, y float32) float32) func(gx, x, y, gy []float32) {
	return func(gx, x, y, gy []float32) {
		for i, g := range gy {
			gx[i] = g * f(x[i], y[i])
		}
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

var (
	opNeg = unary{"Neg", func(y, x []float32) {
		for i, v := range x {
			y[i] = -v
		}
	}, slope(func(_, _ float32) float32 { return -1 })}
	opExp  = unary{"Exp", map1(math.Exp), slope(func(_, y float32) float32 { return y })}
	opLog  = unary{"Log", map1(math.Log), slope(func(x, _ float32) float32 { return 1 / x })}
	opSqrt = unary{"Sqrt", map1(math.Sqrt), slope(func(_, y float32) float32 { return 0.5 / y })}
	opRelu = unary{"Relu", func(y, x []float32) {
		for i, v := range x {
			// A NaN stays one, as in onnxruntime.
			if v < 0 {
				v = 0
			}
			y[i] = v
		}
	}, func(gx, _, y, gy []float32) {
		for i, g := range gy {
			if y[i] <= 0 {
				g = 0
			}
			gx[i] = g
		}
	}}
	opSigmoid    = unary{"Sigmoid", map1(sigmoid), slope(func(_, y float32) float32 { return y * (1 - y) })}
	opTanh       = unary{"Tanh", map1(math.Tanh), slope(func(_, y float32) float32 { return 1 - y*y })}
	opErf        = unary{"Erf", map1(math.Erf), slope(dErf)}
	opAbs        = unary{"Abs", map1(math.Abs), slope(func(x, _ float32) float32 { return signOf(x) })}
	opReciprocal = unary{"Reciprocal", map1(func(x float64) float64 { return 1 / x }), slope(func(_, y float32) float32 { return -y * y })}
	opSin        = unary{"Sin", map1(math.Sin), slope(func(x, _ float32) float32 { return float32(math.Cos(float64(x))) })}
	opCos        = unary{"Cos", map1(math.Cos), slope(func(x, _ float32) float32 { return -float32(math.Sin(float64(x))) })}
	opFloor      = unary{"Floor", map1(math.Floor), nil}
	opCeil       = unary{"Ceil", map1(math.Ceil), nil}
	opRound      = unary{"Round", map1(math.RoundToEven), nil}
	opSign       = unary{"Sign", func(y, x []float32) {
		for i, v := range x {
			y[i] = signOf(v)
		}
	}, nil}
	opSoftplus = unary{"Softplus", map1(softplus), slope(func(x, _ float32) float32 { return float32(sigmoid(float64(x))) })}
	opSoftsign = unary{"Softsign", map1(func(x float64) float64 { return x / (1 + math.Abs(x)) }), slope(func(x, _ float32) float32 {
		d := 1 + float32(math.Abs(float64(x)))
		return 1 / (d * d)
	})}
	opMish = unary{"Mish", map1(func(x float64) float64 { return x * math.Tanh(softplus(x)) }), slope(func(x, _ float32) float32 {
		t := math.Tanh(softplus(float64(x)))
		return float32(t + float64(x)*(1-t*t)*sigmoid(float64(x)))
	})}
	opHardSwish = unary{"HardSwish", map1(func(x float64) float64 { return x * min(max(x/6+0.5, 0), 1) }), slope(func(x, _ float32) float32 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	})}
)

func signOf(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// dErf is 2/√π·exp(-x²).
func dErf(x, _ float32) float32 { return float32(2 / math.SqrtPi * math.Exp(-float64(x)*float64(x))) }

// Neg returns -x, of floats or integers.
func (b *Builder) Neg(x *Value) *Value {
	if x.DType == nd.Int64 {
		return b.Sub(b.Const(nd.Scalar(int64(0))), x)
	}
	return b.unary(opNeg, x)
}

// Exp returns eˣ.
func (b *Builder) Exp(x *Value) *Value { return b.unary(opExp, x) }

// Log returns the natural logarithm.
func (b *Builder) Log(x *Value) *Value { return b.unary(opLog, x) }

// Sqrt returns the square root.
func (b *Builder) Sqrt(x *Value) *Value { return b.unary(opSqrt, x) }

// Sigmoid returns 1/(1+e⁻ˣ).
func (b *Builder) Sigmoid(x *Value) *Value { return b.unary(opSigmoid, x) }

// Tanh returns the hyperbolic tangent.
func (b *Builder) Tanh(x *Value) *Value { return b.unary(opTanh, x) }

// Relu returns max(x, 0).
func (b *Builder) Relu(x *Value) *Value { return b.unary(opRelu, x) }

func buildUnary(o unary) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{c.unary(o, c.Float(0))} }
}

// alphaUnary builds an operator with parameters: f and df get them as a and g.
func alphaUnary(name string, alpha, gamma string, a0, g0 float32, f func(x, a, g float64) float64, df func(x, y, a, g float32) float32) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		a, g := c.Float32(alpha, a0), float32(0)
		if gamma != "" {
			g = c.Float32(gamma, g0)
		}
		return []*Value{c.unary(unary{name,
			map1(func(x float64) float64 { return f(x, float64(a), float64(g)) }),
			slope(func(x, y float32) float32 { return df(x, y, a, g) }),
		}, c.Float(0))}
	}
}

var unaries = family{
	"Neg":        {6, func(c *Call) []*Value { return []*Value{c.Neg(c.Input(0))} }},
	"Exp":        {6, buildUnary(opExp)},
	"Log":        {6, buildUnary(opLog)},
	"Sqrt":       {6, buildUnary(opSqrt)},
	"Relu":       {6, buildUnary(opRelu)},
	"Sigmoid":    {6, buildUnary(opSigmoid)},
	"Tanh":       {6, buildUnary(opTanh)},
	"Erf":        {9, buildUnary(opErf)},
	"Reciprocal": {6, buildUnary(opReciprocal)},
	"Sin":        {7, buildUnary(opSin)},
	"Cos":        {7, buildUnary(opCos)},
	"Floor":      {6, buildUnary(opFloor)},
	"Ceil":       {6, buildUnary(opCeil)},
	"Round":      {11, buildUnary(opRound)},
	"Softplus":   {1, buildUnary(opSoftplus)},
	"Softsign":   {1, buildUnary(opSoftsign)},
	"Mish":       {18, buildUnary(opMish)},
	"HardSwish":  {14, buildUnary(opHardSwish)},
	"Identity":   {1, func(c *Call) []*Value { return []*Value{c.Input(0)} }},
	"LeakyRelu": {6, alphaUnary("LeakyRelu", "alpha", "", 0.01, 0,
		func(x, a, _ float64) float64 {
			if x < 0 {
				return a * x
			}
			return x
		},
		func(x, _, a, _ float32) float32 {
			if x > 0 {
				return 1
			}
			return a
		})},
	"Elu": {6, alphaUnary("Elu", "alpha", "", 1, 0,
		func(x, a, _ float64) float64 {
			if x < 0 {
				return a * math.Expm1(x)
			}
			return x
		},
		func(x, y, a, _ float32) float32 {
			if x > 0 {
				return 1
			}
			return y + a
		})},
	"Selu": {6, alphaUnary("Selu", "alpha", "gamma", 1.67326319217681884765625, 1.05070102214813232421875,
		func(x, a, g float64) float64 {
			if x <= 0 {
				return g * a * math.Expm1(x)
			}
			return g * x
		},
		func(x, y, a, g float32) float32 {
			if x > 0 {
				return g
			}
			return y + g*a
		})},
	"HardSigmoid": {6, alphaUnary("HardSigmoid", "alpha", "beta", 0.2, 0.5,
		func(x, a, g float64) float64 { return max(0, min(1, a*x+g)) },
		func(x, _, a, g float32) float32 {
			if v := a*x + g; v > 0 && v < 1 {
				return a
			}
			return 0
		})},
	"Swish": {24, alphaUnary("Swish", "alpha", "", 1, 0,
		func(x, a, _ float64) float64 { return x * sigmoid(a*x) },
		func(x, _, a, _ float32) float32 {
			s := float32(sigmoid(float64(a * x)))
			return s + a*x*s*(1-s)
		})},
	"Abs":  {6, func(c *Call) []*Value { return []*Value{c.evenInts(opAbs, c.Input(0))} }},
	"Sign": {9, func(c *Call) []*Value { return []*Value{c.evenInts(opSign, c.Input(0))} }},
}

// evenInts applies a unary to integers as well, by way of float32; exact up to 2²⁴.
func (c *Call) evenInts(o unary, x *Value) *Value {
	if x.DType == nd.Int64 {
		return c.Cast(c.unary(o, c.Cast(x, nd.Float32)), nd.Int64)
	}
	return c.unary(o, x)
}
