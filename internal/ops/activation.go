package ops

import (
	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// activation: Relu, Sigmoid, Tanh, Softplus, Softsign, Mish, HardSwish, Gelu (opset
// 20), LeakyRelu, ThresholdedRelu, Elu, Selu, Celu, HardSigmoid, Swish (opset 24),
// Shrink, PRelu.
//
// Derivatives at kinks: that of Relu is 0. LeakyRelu, PRelu and Elu have the
// derivative of the side of larger x. HardSigmoid passes the gradient at its
// bounds.

var (
	opSigmoid = unary{name: "Sigmoid", f: simd.Sigmoid, dy: func(gx, y, gy []float32) {
		for i, g := range gy {
			gx[i] = g * y[i] * (1 - y[i])
		}
	}}
	opTanh = unary{name: "Tanh", f: simd.Tanh, dy: func(gx, y, gy []float32) {
		for i, g := range gy {
			gx[i] = g * (1 - y[i]*y[i])
		}
	}}
	opRelu     = unary{name: "Relu", f: simd.Relu, dy: func(gx, y, gy []float32) { elementwise.ReluGrad(nil, y, gy, gx) }, inPlace: true, positive: true}
	opGelu     = unary{name: "Gelu", f: simd.Gelu, dx: func(gx, x, gy []float32) { elementwise.GeluGrad(nil, x, gy, gx) }}
	opGeluTanh = unary{name: "Gelu", f: geluTanh, dx: geluTanhGrad}
	opSoftplus = unary{name: "Softplus", f: softplus, dx: func(gx, x, gy []float32) {
		simd.Sigmoid(gx, x)
		simd.Mul(gx, gx, gy)
	}}
	opSoftsign = unary{name: "Softsign", f: func(y, x []float32) {
		for i, v := range x {
			y[i] = v / (1 + v*signOf(v))
		}
	}, dy: func(gx, y, gy []float32) {
		for i, g := range gy {
			d := 1 - y[i]*signOf(y[i])
			gx[i] = g * d * d
		}
	}}
	opMish      = unary{name: "Mish", f: mish, dx: mishGrad}
	opHardSwish = unary{name: "HardSwish", f: func(y, x []float32) {
		for i, v := range x {
			y[i] = v * min(max(v/6+0.5, 0), 1)
		}
	}, dx: slope(func(x float32) float32 {
		switch {
		case x < -3:
			return 0
		case x > 3:
			return 1
		}
		return x/3 + 0.5
	})}
)

// The tanh form of Gelu is ½x(1 + t) with t = tanh(u), u = √(2/π)(x + 0.044715x³).
const (
	geluScale = 0.7978845608028654
	geluCubic = 0.044715
)

func geluTanh(y, x []float32) {
	for i, v := range x {
		y[i] = geluScale * v * (1 + geluCubic*v*v)
	}
	simd.Tanh(y, y)
	for i, v := range x {
		y[i] = 0.5 * v * (1 + y[i])
	}
}

func geluTanhGrad(gx, x, gy []float32) {
	for i, v := range x {
		gx[i] = geluScale * v * (1 + geluCubic*v*v)
	}
	simd.Tanh(gx, gx)
	for i, v := range x {
		t := gx[i]
		du := geluScale * (1 + 3*geluCubic*v*v)
		gx[i] = 0.5 * gy[i] * (1 + t + v*(1-t*t)*du)
	}
}

// softplus is log(1 + eˣ) = max(x, 0) + log(1 + e) with e = exp(-|x|). Kahan's
// identity log(1+e) = e·log(u)/(u-1), where u is 1+e rounded, keeps the digits of
// e.
func softplus(y, x []float32) {
	var u, l [256]float32
	for len(x) > 0 {
		n := min(len(x), len(u))
		for i, v := range x[:n] {
			y[i] = -v * signOf(v)
		}
		simd.Exp(y[:n], y[:n])
		for i, e := range y[:n] {
			u[i] = 1 + e
		}
		simd.Log(l[:n], u[:n])
		for i, e := range y[:n] {
			if d := u[i] - 1; d > 0 {
				e *= l[i] / d
			}
			y[i] = e + max(x[i], 0)
		}
		x, y = x[n:], y[n:]
	}
}

// mishEnd is where t is 1 in float32. Mish is x·t with t = tanh(softplus(x)) =
// n/(n+2), n = e(e+2), e = eˣ.
const mishEnd = 20

func mish(y, x []float32) {
	for i, v := range x {
		y[i] = min(v, mishEnd)
	}
	simd.Exp(y, y)
	for i, e := range y {
		n := e * (e + 2)
		y[i] = x[i] * n / (n + 2)
	}
}

// mishGrad: t + x·(1-t²)·σ(x), with 1-t² = 4(n+1)/(n+2)² and σ(x) = e/(1+e).
func mishGrad(gx, x, gy []float32) {
	for i, v := range x {
		gx[i] = min(v, mishEnd)
	}
	simd.Exp(gx, gx)
	for i, e := range gx {
		n := e * (e + 2)
		d := 1 / (n + 2)
		gx[i] = gy[i] * (n*d + min(x[i], mishEnd)*4*(n+1)*d*d*e/(1+e))
	}
}

// leaky is x if x is positive and a·x otherwise.
func leaky(a float32) unary {
	return unary{name: "LeakyRelu", f: func(y, x []float32) {
		for i, v := range x {
			if v < 0 {
				v *= a
			}
			y[i] = v
		}
	}, dx: func(gx, x, gy []float32) {
		for i, g := range gy {
			if x[i] < 0 {
				g *= a
			}
			gx[i] = g
		}
	}}
}

// exponential is g·x for positive x and g·a·(exp(x/s) - 1) for negative x: Elu (g =
// s = 1), Selu (s = 1) and Celu (g = 1, a = s). The derivative at 0 is that of the
// positive side, and for Selu that of the negative side.
func exponential(name string, a, g, s float32) unary {
	below := func(x float32) bool { return x < 0 }
	if name == "Selu" {
		below = func(x float32) bool { return x <= 0 }
	}
	return unary{name: name, f: func(y, x []float32) {
		// exp(v) - 1 = 2t/(1-t), t = tanh(v/2), has no cancellation.
		for i, v := range x {
			y[i] = v / (2 * s)
		}
		simd.Tanh(y, y)
		for i, v := range x {
			if t := y[i]; v < 0 {
				v = a * 2 * t / (1 - t)
			}
			y[i] = g * v
		}
	}, dx: func(gx, x, gy []float32) {
		for i, v := range x {
			gx[i] = min(v, 0) / s
		}
		simd.Exp(gx, gx)
		for i, v := range x {
			d := g
			if below(v) {
				d *= a / s * gx[i]
			}
			gx[i] = gy[i] * d
		}
	}}
}

func hardSigmoid(a, c float32) unary {
	return unary{name: "HardSigmoid", f: func(y, x []float32) {
		for i, v := range x {
			y[i] = max(0, min(1, a*v+c))
		}
	}, dx: slope(func(x float32) float32 {
		if v := a*x + c; v < 0 || v > 1 {
			return 0
		}
		return a
	})}
}

// swish is x·s with s = σ(ax); its derivative is s + ax·s·(1-s).
func swish(a float32) unary {
	gate := func(y, x []float32) {
		for i, v := range x {
			y[i] = a * v
		}
		simd.Sigmoid(y, y)
	}
	return unary{name: "Swish", f: func(y, x []float32) {
		gate(y, x)
		simd.Mul(y, y, x)
	}, dx: func(gx, x, gy []float32) {
		gate(gx, x)
		for i, s := range gx {
			gx[i] = gy[i] * s * (1 + a*x[i]*(1-s))
		}
	}}
}

func thresholded(a float32) unary {
	return unary{name: "ThresholdedRelu", f: func(y, x []float32) {
		for i, v := range x {
			if v <= a {
				v = 0
			}
			y[i] = v
		}
	}, dx: func(gx, x, gy []float32) {
		for i, g := range gy {
			if x[i] <= a {
				g = 0
			}
			gx[i] = g
		}
	}}
}

// shrink moves x towards 0 by bias if |x| > lambd, and is 0 otherwise.
func shrink(lambd, bias float32) unary {
	return unary{name: "Shrink", f: func(y, x []float32) {
		for i, v := range x {
			switch {
			case v < -lambd:
				v += bias
			case v > lambd:
				v -= bias
			default:
				v = 0
			}
			y[i] = v
		}
	}, dx: func(gx, x, gy []float32) {
		for i, g := range gy {
			if v := x[i]; v >= -lambd && v <= lambd {
				g = 0
			}
			gx[i] = g
		}
	}}
}

// Sigmoid returns 1/(1+e⁻ˣ).
func (b *Builder) Sigmoid(x *Value) *Value { return b.unary(opSigmoid, x) }

// Tanh returns the hyperbolic tangent.
func (b *Builder) Tanh(x *Value) *Value { return b.unary(opTanh, x) }

// Relu returns max(x, 0).
func (b *Builder) Relu(x *Value) *Value { return b.unary(opRelu, x) }

// withAlpha returns the build function of an operator with one parameter.
func withAlpha(f func(a float32) unary, otherwise float32) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		return []*Value{c.unary(f(c.Float32("alpha", otherwise)), c.Float(0))}
	}
}

func elu(a float32) unary { return exponential("Elu", a, 1, 1) }

func buildSelu(c *Call) []*Value {
	a, g := c.Float32("alpha", 1.67326319217681884765625), c.Float32("gamma", 1.05070102214813232421875)
	return []*Value{c.unary(exponential("Selu", a, g, 1), c.Float(0))}
}

func buildCelu(c *Call) []*Value {
	a := c.Float32("alpha", 1)
	if a == 0 {
		c.fail("an alpha of 0")
	}
	return []*Value{c.unary(exponential("Celu", a, 1, a), c.Float(0))}
}

func buildHardSigmoid(c *Call) []*Value {
	return []*Value{c.unary(hardSigmoid(c.Float32("alpha", 0.2), c.Float32("beta", 0.5)), c.Float(0))}
}

func buildShrink(c *Call) []*Value {
	return []*Value{c.unary(shrink(c.Float32("lambd", 0.5), c.Float32("bias", 0)), c.Float(0))}
}

func buildGelu(c *Call) []*Value {
	switch how := c.String("approximate", "none"); how {
	case "none":
		return []*Value{c.unary(opGelu, c.Float(0))}
	case "tanh":
		return []*Value{c.unary(opGeluTanh, c.Float(0))}
	default:
		c.fail("approximate is %q, neither none nor tanh", how)
		return nil
	}
}

var activations = family{
	"Relu":            {6, buildUnary(opRelu)},
	"Sigmoid":         {6, buildUnary(opSigmoid)},
	"Tanh":            {6, buildUnary(opTanh)},
	"Softplus":        {1, buildUnary(opSoftplus)},
	"Softsign":        {1, buildUnary(opSoftsign)},
	"Mish":            {18, buildUnary(opMish)},
	"HardSwish":       {14, buildUnary(opHardSwish)},
	"Gelu":            {20, buildGelu},
	"LeakyRelu":       {6, withAlpha(leaky, 0.01)},
	"Elu":             {6, withAlpha(elu, 1)},
	"Selu":            {6, buildSelu},
	"Celu":            {12, buildCelu},
	"HardSigmoid":     {6, buildHardSigmoid},
	"Swish":           {24, withAlpha(swish, 1)},
	"ThresholdedRelu": {1, withAlpha(thresholded, 1)}, // until 10 as an experimental operator
	"Shrink":          {9, buildShrink},
	"PRelu":           {7, buildPRelu},
}
