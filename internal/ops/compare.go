package ops

import (
	"cmp"
	"math"

	"github.com/advparams/advparams/internal/kernel/elementwise"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// compare: Equal, Greater, GreaterOrEqual, Less, LessOrEqual, And, Or, Xor (opset 7
// and later: multidirectional broadcasting), Not, IsNaN, IsInf. Their results are
// bool and have no gradient.

// predicate describes an elementwise function of two broadcast operands with a bool
// result. A nil function means that its operand type is not allowed.
type predicate struct {
	name string
	f    func(z []bool, x, y []float32)
	i    func(z []bool, x, y []int64)
	b    func(z []bool, x, y []bool)
}

// test applies a predicate of two elements to slices.
func test[T nd.Elem](f func(x, y T) bool) func(z []bool, x, y []T) {
	return func(z []bool, x, y []T) {
		for i := range z {
			z[i] = f(x[i], y[i])
		}
	}
}

func equal[T comparable](x, y T) bool         { return x == y }
func less[T cmp.Ordered](x, y T) bool         { return x < y }
func lessOrEqual[T cmp.Ordered](x, y T) bool  { return x <= y }
func greater[T cmp.Ordered](x, y T) bool      { return x > y }
func greaterEqual[T cmp.Ordered](x, y T) bool { return x >= y }

var (
	opEqual        = predicate{"Equal", test(equal[float32]), test(equal[int64]), test(equal[bool])}
	opLess         = predicate{"Less", test(less[float32]), test(less[int64]), nil}
	opLessOrEqual  = predicate{"LessOrEqual", test(lessOrEqual[float32]), test(lessOrEqual[int64]), nil}
	opGreater      = predicate{"Greater", test(greater[float32]), test(greater[int64]), nil}
	opGreaterEqual = predicate{"GreaterOrEqual", test(greaterEqual[float32]), test(greaterEqual[int64]), nil}
	opAnd          = predicate{"And", nil, nil, test(func(x, y bool) bool { return x && y })}
	opOr           = predicate{"Or", nil, nil, test(func(x, y bool) bool { return x || y })}
	opXor          = predicate{"Xor", nil, nil, test(func(x, y bool) bool { return x != y })}
)

func (b *Builder) compare(p predicate, x, y *Value) *Value {
	if x.DType != y.DType {
		fail("%s: operands of type %v and %v", p.name, x.DType, y.DType)
	}
	shape := broadcastShape(p.name, x.Shape, y.Shape)
	xs, ys := broadcastStrides(x.Shape, shape), broadcastStrides(y.Shape, shape)
	op := Op{name: p.name}
	switch {
	case x.DType == nd.Float32 && p.f != nil:
		op.kernel = runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			elementwise.Broadcast(w, shape, out.Bools(), in[0].Float32s(), xs, in[1].Float32s(), ys, p.f)
		})
	case x.DType == nd.Int64 && p.i != nil:
		op.kernel = runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			elementwise.Broadcast(w, shape, out.Bools(), in[0].Int64s(), xs, in[1].Int64s(), ys, p.i)
		})
	case x.DType == nd.Bool && p.b != nil:
		op.kernel = runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			elementwise.Broadcast(w, shape, out.Bools(), in[0].Bools(), xs, in[1].Bools(), ys, p.b)
		})
	default:
		fail("%s: operands of type %v", p.name, x.DType)
	}
	return b.emit(nd.Bool, shape, op, x, y)
}

// Equal returns x == y elementwise, broadcast.
func (b *Builder) Equal(x, y *Value) *Value { return b.compare(opEqual, x, y) }

// Not returns the negation of a bool value.
func (b *Builder) Not(x *Value) *Value {
	if x.DType != nd.Bool {
		fail("Not: operand of type %v", x.DType)
	}
	return b.emit(nd.Bool, x.Shape, Op{
		name: "Not",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Bools()
			for i, v := range in[0].Bools() {
				y[i] = !v
			}
		}),
	}, x)
}

// classify returns, for each element of a float x, whether f holds.
func (b *Builder) classify(name string, x *Value, f func(float32) bool) *Value {
	return b.emit(nd.Bool, x.Shape, Op{
		name: name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			x, y := in[0].Float32s(), out.Bools()
			w.For(len(y), 8192, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					y[i] = f(x[i])
				}
			})
		}),
	}, x)
}

func buildPredicate(p predicate) func(c *Call) []*Value {
	return func(c *Call) []*Value { return []*Value{c.compare(p, c.Input(0), c.Input(1))} }
}

func buildIsInf(c *Call) []*Value {
	positive, negative := c.Bool("detect_positive", true), c.Bool("detect_negative", true)
	return []*Value{c.classify("IsInf", c.Float(0), func(x float32) bool {
		return positive && x > math.MaxFloat32 || negative && x < -math.MaxFloat32
	})}
}

var comparisons = family{
	"Equal":          {7, buildPredicate(opEqual)},
	"Greater":        {7, buildPredicate(opGreater)},
	"GreaterOrEqual": {12, buildPredicate(opGreaterEqual)},
	"Less":           {7, buildPredicate(opLess)},
	"LessOrEqual":    {12, buildPredicate(opLessOrEqual)},
	"And":            {7, buildPredicate(opAnd)},
	"Or":             {7, buildPredicate(opOr)},
	"Xor":            {7, buildPredicate(opXor)},
	"Not":            {1, func(c *Call) []*Value { return []*Value{c.Not(c.Input(0))} }},
	"IsNaN": {9, func(c *Call) []*Value {
		return []*Value{c.classify("IsNaN", c.Float(0), func(x float32) bool { return x != x })}
	}},
	"IsInf": {10, buildIsInf},
}
