package formula

import "math"

// Elementwise is a function on slices of n elements: it computes Out from In, with the same
// numbers for all elements, and may add something up.
type Elementwise[V any] struct {
	Name string
	In   []string // slices read
	Out  string   // slice written, or "" for none; may also be one of In
	With []string // scalar parameters
	Sums int      // sums returned, at most 2; they are added up over all elements
	Max  bool     // the sum is a maximum instead
	// Body returns the vector for Out, if there is one, and adds to the sums. The values of In,
	// With and sums come in the order of their names. In may be overwritten.
	Body func(c Code[V], in, with, sums []V) (out V)
}

// Elementwises returns the functions.
func Elementwises[V any]() []Elementwise[V] {
	unary := func(name string, f func(c Code[V], x V) V) Elementwise[V] {
		return Elementwise[V]{Name: name, In: []string{"x"}, Out: "y", Body: func(c Code[V], in, _, _ []V) V { return f(c, in[0]) }}
	}
	binary := func(name string, f func(c Code[V], x, y V) V) Elementwise[V] {
		return Elementwise[V]{Name: name, In: []string{"x", "y"}, Out: "z", Body: func(c Code[V], in, _, _ []V) V { return f(c, in[0], in[1]) }}
	}
	return []Elementwise[V]{
		binary("add", Code[V].Add),
		binary("sub", Code[V].Sub),
		binary("mul", Code[V].Mul),
		binary("div", Code[V].Div),
		binary("larger", Code[V].Larger),
		// pooling's gradient: gx + left where x is the maximum, and left where it is not.
		{Name: "addWhereMax", In: []string{"x", "most", "left", "gx"}, Out: "gx", Body: func(c Code[V], in, _, _ []V) V {
			return c.Add(in[3], c.WhereMost(in[0], in[1], in[2]))
		}},
		{Name: "clearWhereMax", In: []string{"x", "most", "left"}, Out: "left", Body: func(c Code[V], in, _, _ []V) V {
			return c.ExceptMost(in[0], in[1], in[2])
		}},
		{Name: "affine", In: []string{"x"}, Out: "y", With: []string{"a", "b"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.MulAdd(c.Copy(with[1]), with[0], in[0])
		}},
		unary("relu", func(c Code[V], x V) V { return c.Greatest(0, x) }),
		{Name: "reluGrad", In: []string{"y", "gy"}, Out: "gx", Body: func(c Code[V], in, _, _ []V) V {
			return c.WherePositive(in[0], in[1])
		}},
		{Name: "clip", In: []string{"x"}, Out: "y", With: []string{"lo", "hi"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.Clamp(in[0], with[0], with[1])
		}},
		// and its gradient: gy where lo < y < hi.
		{Name: "clipGrad", In: []string{"y", "gy"}, Out: "gx", With: []string{"lo", "hi"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.Between(in[0], with[0], with[1], in[1])
		}},
		// quantisation: min(max(round(x/s), lo), hi) + z.
		{Name: "quantize", In: []string{"x"}, Out: "y", With: []string{"s", "lo", "hi", "z"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.Add(c.Clamp(c.Round(c.Div(in[0], with[0])), with[1], with[2]), with[3])
		}},
		// and its gradient: gy/s where lo <= round(x/s) <= hi.
		{Name: "quantizeGrad", In: []string{"x", "gy"}, Out: "gx", With: []string{"s", "lo", "hi"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.Inside(c.Round(c.Div(in[0], with[0])), with[1], with[2], c.Div(in[1], with[0]))
		}},
		{Name: "sum", In: []string{"x"}, Sums: 1, Body: func(c Code[V], in, _, sums []V) (none V) {
			c.AddTo(sums[0], in[0])
			return none
		}},
		{Name: "dot", In: []string{"x", "y"}, Sums: 1, Body: func(c Code[V], in, _, sums []V) (none V) {
			c.MulAdd(sums[0], in[0], in[1])
			return none
		}},
		// softmax's gradient: gx = y·(gy - a).
		{Name: "mulShifted", In: []string{"y", "gy"}, Out: "gx", With: []string{"a"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.Mul(in[0], c.Sub(in[1], with[0]))
		}},
		// layer normalisation: y = (x·a + b)·s + t.
		{Name: "normalize", In: []string{"x", "s", "t"}, Out: "y", With: []string{"a", "b"}, Body: func(c Code[V], in, with, _ []V) V {
			return c.MulThenAdd(c.MulAdd(c.Copy(with[1]), with[0], in[0]), in[1], in[2])
		}},
		// and its gradient: Σ gy·s and Σ gy·s·(x·a + b).
		{Name: "normalizeSums", In: []string{"x", "s", "gy"}, With: []string{"a", "b"}, Sums: 2, Body: func(c Code[V], in, with, sums []V) (none V) {
			h, g := c.Copy(with[1]), c.Mul(in[1], in[2])
			c.MulAdd(h, with[0], in[0])
			c.AddTo(sums[0], g)
			c.MulAdd(sums[1], h, g)
			return none
		}},
		// gx = gy·s·a + x·b + c.
		{Name: "normalizeGrad", In: []string{"x", "s", "gy"}, Out: "gx", With: []string{"a", "b", "c"}, Body: func(c Code[V], in, with, _ []V) V {
			r := c.MulAdd(c.Copy(with[2]), with[1], in[0])
			return c.MulAdd(r, c.Mul(in[1], in[2]), with[0])
		}},
		// gs += gy·(x·a + b).
		{Name: "addNormalized", In: []string{"x", "gy", "gs"}, Out: "gs", With: []string{"a", "b"}, Body: func(c Code[V], in, with, _ []V) V {
			h := c.MulAdd(c.Copy(with[1]), with[0], in[0])
			return c.MulAdd(in[2], h, in[1])
		}},
		// Σ (x - a)².
		{Name: "squares", In: []string{"x"}, With: []string{"a"}, Sums: 1, Body: func(c Code[V], in, with, sums []V) (none V) {
			d := c.Clean(c.Sub(in[0], with[0]), 0)
			c.MulAdd(sums[0], d, d)
			return none
		}},
		{Name: "largest", In: []string{"x"}, Sums: 1, Max: true, Body: func(c Code[V], in, _, sums []V) (none V) {
			c.LargestTo(sums[0], c.Clean(in[0], math.Inf(-1)))
			return none
		}},
		unary("exp", Exp[V]),
		unary("sigmoid", sigmoid[V]),
		unary("tanh", tanh[V]),
		unary("erf", erf[V]),
		unary("gelu", gelu[V]),
		{Name: "geluGrad", In: []string{"x", "gy"}, Out: "gx", Body: func(c Code[V], in, _, _ []V) V {
			return c.Mul(in[1], geluSlope(c, in[0]))
		}},
	}
}
