package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// cumsum: CumSum (opset 11), CumProd (opset 26). An element contributes to all sums after it, so that
// the gradient is the cumulative sum in the other direction.

// cumSum returns for each element the sum along an axis up to it, from the first
// element, or from the last if reverse. exclusive leaves out the element itself.
func (b *Builder) cumSum(x *Value, axis int, exclusive, reverse bool) *Value {
	if x.DType == nd.Bool {
		fail("CumSum: input of type bool")
	}
	outer, n, inner := axisOf(x.Shape, axis)
	return b.emit(x.DType, x.Shape, Op{
		name: "CumSum",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			w.For(outer, 1+4096/max(n*inner, 1), func(lo, hi int) {
				lo, hi = lo*n*inner, hi*n*inner
				numbers(in[0],
					func(x []float32) { cumSums(n, inner, exclusive, reverse, x[lo:hi], out.Float32s()[lo:hi]) },
					func(x []int64) { cumSums(n, inner, exclusive, reverse, x[lo:hi], out.Int64s()[lo:hi]) })
			})
		}),
		diff: func(_, gy *Value) []*Value { return []*Value{b.cumSum(gy, axis, exclusive, !reverse)} },
	}, x)
}

// cumSums sums n rows of inner elements at a time.
func cumSums[T float32 | int64](n, inner int, exclusive, reverse bool, x, y []T) {
	for at := 0; at < len(x); at += n * inner {
		first, step := at, inner
		if reverse {
			first, step = at+(n-1)*inner, -inner
		}
		for k, row := 0, first; k < n; k, row = k+1, row+step {
			to, from := y[row:row+inner], x[row:row+inner]
			if k == 0 {
				if exclusive {
					clear(to)
				} else {
					copy(to, from)
				}
				continue
			}
			before := y[row-step : row-step+inner]
			if exclusive {
				from = x[row-step : row-step+inner]
			}
			for i, v := range from {
				to[i] = before[i] + v
			}
		}
	}
}

func buildCumSum(c *Call) []*Value {
	x := c.Input(0)
	axis := c.Axis(c.knownInt(1), x.Rank())
	return []*Value{c.cumSum(x, axis, c.Bool("exclusive", false), c.Bool("reverse", false))}
}

// cumProd multiplies the elements up to each one; see cumSum. It is built from slices, which
// give its gradient.
func (c *Call) cumProd(x *Value, axis int, exclusive, reverse bool) *Value {
	parts := c.unstack(x, axis)
	if reverse {
		slices.Reverse(parts)
	}
	out := make([]*Value, len(parts))
	for i, p := range parts {
		switch {
		case exclusive && i == 0:
			out[i] = c.Full(1, p.Shape...)
		case exclusive && i == 1, i == 0:
			out[i] = parts[0]
		case exclusive:
			out[i] = c.Mul(out[i-1], parts[i-1])
		default:
			out[i] = c.Mul(out[i-1], p)
		}
	}
	if reverse {
		slices.Reverse(out)
	}
	for i, p := range out {
		out[i] = c.unsqueeze(p, []int{axis})
	}
	return c.Concat(axis, out...)
}

func buildCumProd(c *Call) []*Value {
	x := c.Float(0)
	axis := c.Axis(c.knownInt(1), x.Rank())
	if n := x.Shape[axis]; n == 0 {
		return []*Value{x}
	} else if n > maxIterations {
		unsupported("products of %d elements; at most %d are", n, maxIterations)
	}
	return []*Value{c.cumProd(x, axis, c.Bool("exclusive", false), c.Bool("reverse", false))}
}

var cumulative = family{
	"CumSum":  {11, buildCumSum},
	"CumProd": {26, buildCumProd},
}
