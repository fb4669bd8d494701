package ops

import (
	"math"

	"github.com/advparams/advparams/nd"
)

// Patterns are groups of operators that exporters write where one operator exists.
// A pattern is recognised when its last operator is built. The operators before it
// stay in the graph, and run only if something else reads them.

// addBias returns x + y as one operator if one of them is a matrix product and the
// other a vector that is added to its rows, and else nil.
func (b *Builder) addBias(x, y *Value) *Value {
	g, ok := kernelOf[*productKernel](x)
	if !ok {
		x, y = y, x
		g, ok = kernelOf[*productKernel](x)
	}
	if !ok || len(x.in) > 2 || y.DType != nd.Float32 {
		return nil
	}
	n := x.Shape[x.Rank()-1]
	if y.Len() != n || y.Rank() < 1 || y.Rank() > x.Rank() || y.Shape[y.Rank()-1] != n {
		return nil
	}
	return b.gemmBias(g.product.TransA, g.product.TransB, x.in[0], x.in[1], y)
}

// geluOf returns x·y as one operator if it is the product of x/2 and 1 + erf(x/√2),
// with its three factors in any order, and else nil.
func (b *Builder) geluOf(x, y *Value) *Value {
	for _, f := range [2][2]*Value{{x, y}, {y, x}} {
		if f[0].op == nil || f[0].op.name != "Mul" {
			continue
		}
		three := [3]*Value{f[0].in[0], f[0].in[1], f[1]}
		for i, half := range three {
			u, v := three[(i+1)%3], three[(i+2)%3]
			switch {
			case !isNumber(half, 0.5):
			case isErfPlusOne(v, u):
				return b.unary(opGelu, u)
			case isErfPlusOne(u, v):
				return b.unary(opGelu, v)
			}
		}
	}
	return nil
}

// isErfPlusOne reports whether v is 1 + erf(x/√2).
func isErfPlusOne(v, x *Value) bool {
	if v.op == nil || v.op.name != "Add" {
		return false
	}
	e := v.in[0]
	if isNumber(e, 1) {
		e = v.in[1]
	} else if !isNumber(v.in[1], 1) {
		return false
	}
	if e.op == nil || e.op.name != "Erf" {
		return false
	}
	switch u := e.in[0]; {
	case u.op == nil:
		return false
	case u.op.name == "Div":
		return u.in[0] == x && isNumber(u.in[1], math.Sqrt2)
	case u.op.name == "Mul":
		return u.in[0] == x && isNumber(u.in[1], 1/math.Sqrt2) || u.in[1] == x && isNumber(u.in[0], 1/math.Sqrt2)
	}
	return false
}

// isNumber reports whether v is a constant with one element, equal to f within the
// precision of float32.
func isNumber(v *Value, f float64) bool {
	a, ok := v.Constant()
	if !ok || v.DType != nd.Float32 || v.Len() != 1 {
		return false
	}
	return math.Abs(float64(a.Float32s()[0])-f) <= 1e-6*math.Abs(f)
}
