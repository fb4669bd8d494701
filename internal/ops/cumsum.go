package ops

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// cumsum: CumSum (opset 11). An element contributes to all sums after it, so that
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

var cumulative = family{"CumSum": {11, buildCumSum}}
