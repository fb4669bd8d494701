package ops

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// topk: ArgMax and ArgMin (select_last_index: opset 12), TopK (k is an attribute
// before opset 10; largest, sorted and integers: opset 11). They compute indices,
// which have no gradient. The values of TopK are gathered with its indices, and
// Gather has a gradient.

// numbers calls the function for the element type of x.
func numbers(x nd.Array, f func([]float32), g func([]int64)) {
	switch d := x.Data.(type) {
	case []int64:
		g(d)
	case []float32:
		f(d)
	}
}

// axisOf splits a shape at an axis: [outer, n, inner].
func axisOf(shape []int, axis int) (outer, n, inner int) {
	return nd.Size(shape[:axis]), shape[axis], nd.Size(shape[axis+1:])
}

// argExtreme returns the index of the largest (or smallest) element along an axis,
// which is kept with length 1. Of equal elements it takes the first, or the last.
func (b *Builder) argExtreme(name string, smallest, last bool, x *Value, axis int) *Value {
	if x.DType == nd.Bool {
		fail("%s: input of type bool", name)
	}
	outer, n, inner := axisOf(x.Shape, axis)
	if n == 0 {
		fail("%s over an empty axis of %v", name, x.Shape)
	}
	return b.emit(nd.Int64, keptShape(x.Shape, []int{axis}), Op{
		name: name,
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Int64s()
			numbers(in[0],
				func(x []float32) { argExtremes(smallest, last, outer, n, inner, x, y) },
				func(x []int64) { argExtremes(smallest, last, outer, n, inner, x, y) })
		}),
	}, x)
}

func argExtremes[T cmp.Ordered](smallest, last bool, outer, n, inner int, x []T, y []int64) {
	for o := range outer {
		for i := range inner {
			column := x[o*n*inner+i:]
			best := 0
			for k := 1; k < n; k++ {
				order := cmp.Compare(column[k*inner], column[best*inner])
				if smallest {
					order = -order
				}
				if order > 0 || order == 0 && last {
					best = k
				}
			}
			y[o*inner+i] = int64(best)
		}
	}
}

// topK returns the indices of the k largest (or smallest) elements along an axis,
// best first. Among equal elements, lower indices come first.
func (b *Builder) topK(x *Value, axis, k int, smallest bool) *Value {
	if x.DType == nd.Bool {
		fail("TopK: input of type bool")
	}
	outer, n, inner := axisOf(x.Shape, axis)
	shape := slices.Clone(x.Shape)
	shape[axis] = k
	return b.emit(nd.Int64, shape, Op{
		name: "TopK",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Int64s()
			numbers(in[0],
				func(x []float32) { topK(smallest, outer, n, inner, k, x, y) },
				func(x []int64) { topK(smallest, outer, n, inner, k, x, y) })
		}),
		more: sortWork(outer*inner, n),
	}, x)
}

func topK[T cmp.Ordered](smallest bool, outer, n, inner, k int, x []T, y []int64) {
	order := make([]int, n)
	for o := range outer {
		for i := range inner {
			column := x[o*n*inner+i:]
			for j := range order {
				order[j] = j
			}
			slices.SortFunc(order, func(p, q int) int {
				c := cmp.Compare(column[q*inner], column[p*inner])
				if smallest {
					c = -c
				}
				return cmp.Or(c, p-q)
			})
			for j, from := range order[:k] {
				y[(o*k+j)*inner+i] = int64(from)
			}
		}
	}
}

func buildArgExtreme(name string, smallest bool) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		x := c.Input(0)
		axis := c.Axis(c.Int("axis", 0), x.Rank())
		y := c.argExtreme(name, smallest, c.Bool("select_last_index", false), x, axis)
		if !c.Bool("keepdims", true) {
			y = c.squeeze(y, []int{axis})
		}
		return []*Value{y}
	}
}

func buildTopK(c *Call) []*Value {
	x := c.Input(0)
	axis := c.Axis(c.Int("axis", -1), x.Rank())
	var k int
	if !c.From(10) {
		k = c.Int("k", -1)
	} else {
		k = c.knownInt(1)
	}
	if k < 0 || k > x.Shape[axis] {
		c.fail("the top %d of an axis of %d", k, x.Shape[axis])
	}
	index := c.topK(x, axis, k, !c.Bool("largest", true))
	return []*Value{c.GatherElements(x, index, axis), index}
}

var searches = family{
	"ArgMax": {1, buildArgExtreme("ArgMax", false)},
	"ArgMin": {1, buildArgExtreme("ArgMin", true)},
	"TopK":   {1, buildTopK},
}
