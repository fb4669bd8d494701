package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// reduce: ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1,
// ReduceL2, ReduceSumSquare, ReduceLogSum, ReduceLogSumExp. The axes are an
// attribute before opset 18 (ReduceSum: 13) and an input from then on.

// Sum sums over axes, which are sorted, and keeps them with length 1.
func (b *Builder) Sum(x *Value, axes ...int) *Value {
	return b.SumTo(x, keptShape(x.Shape, axes))
}

// MeanOver returns the mean over axes, which are sorted and kept with length 1.
func (b *Builder) MeanOver(x *Value, axes ...int) *Value {
	s := b.Sum(x, axes...)
	return b.Scale(s, float32(s.Len())/float32(x.Len()))
}

func keptShape(shape, axes []int) []int {
	kept := slices.Clone(shape)
	for _, a := range axes {
		kept[a] = 1
	}
	return kept
}

// rowsOver moves the given axes to the end and flattens to [outer, n].
func (b *Builder) rowsOver(x *Value, axes []int) *Value {
	var perm []int
	outer, n := 1, 1
	for i, d := range x.Shape {
		if slices.Contains(axes, i) {
			n *= d
		} else {
			perm = append(perm, i)
			outer *= d
		}
	}
	return b.Reshape(b.Transpose(x, append(perm, axes...)...), outer, n)
}

// extreme returns the maximum (or minimum) over axes, which are kept with length 1.
// Equal extremes share the gradient evenly.
func (b *Builder) extreme(name string, less func(a, b float32) bool, x *Value, axes []int) *Value {
	rows := b.rowsOver(x, axes)
	outer, n := rows.Shape[0], rows.Shape[1]
	if n == 0 {
		fail("%s over an empty axis", name)
	}
	y := b.emit(nd.Float32, []int{outer}, Op{
		name: name,
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			x, y := in[0].Float32s(), out.Float32s()
			w.For(outer, 1+4096/n, func(lo, hi int) {
				for r := lo; r < hi; r++ {
					best := x[r*n]
					for _, v := range x[r*n+1 : r*n+n] {
						if less(v, best) || v != v {
							best = v
						}
					}
					y[r] = best
				}
			})
		}),
		diff: func(y, gy *Value) []*Value { return []*Value{b.extremeGrad(name, rows, y, gy)} },
	}, rows)
	return b.Reshape(y, keptShape(x.Shape, axes)...)
}

func (b *Builder) extremeGrad(name string, rows, y, gy *Value) *Value {
	n := rows.Shape[1]
	return b.emit(nd.Float32, rows.Shape, Op{
		name: name + ".grad",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			gx, x, y, gy := out.Float32s(), in[0].Float32s(), in[1].Float32s(), in[2].Float32s()
			for r, best := range y {
				equal := 0
				for _, v := range x[r*n : r*n+n] {
					if v == best {
						equal++
					}
				}
				share := gy[r] / float32(max(equal, 1))
				for i, v := range x[r*n : r*n+n] {
					gx[r*n+i] = 0
					if v == best {
						gx[r*n+i] = share
					}
				}
			}
		}),
	}, rows, y, gy)
}

// Max returns the maximum over axes, which are sorted and kept with length 1.
func (b *Builder) Max(x *Value, axes ...int) *Value {
	return b.extreme("ReduceMax", func(a, b float32) bool { return a > b }, x, axes)
}

// Min returns the minimum over axes, which are sorted and kept with length 1.
func (b *Builder) Min(x *Value, axes ...int) *Value {
	return b.extreme("ReduceMin", func(a, b float32) bool { return a < b }, x, axes)
}

// prod multiplies over axes. The gradient of a factor is the product of the others,
// computed without division: it is right even if a factor is zero.
func (b *Builder) prod(x *Value, axes []int) *Value {
	rows := b.rowsOver(x, axes)
	outer, n := rows.Shape[0], rows.Shape[1]
	y := b.emit(nd.Float32, []int{outer}, Op{
		name: "ReduceProd",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			x := in[0].Float32s()
			for r := range out.Float32s() {
				p := float32(1)
				for _, v := range x[r*n : r*n+n] {
					p *= v
				}
				out.Float32s()[r] = p
			}
		}),
		diff: func(_, gy *Value) []*Value {
			return []*Value{b.emit(nd.Float32, rows.Shape, Op{name: "ReduceProd.grad", kernel: runProdGrad(n)}, rows, gy)}
		},
	}, rows)
	return b.Reshape(y, keptShape(x.Shape, axes)...)
}

func runProdGrad(n int) runFunc {
	return func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
		x, gx := in[0].Float32s(), out.Float32s()
		for r, g := range in[1].Float32s() {
			row, grow := x[r*n:r*n+n], gx[r*n:r*n+n]
			left := g
			for i, v := range row { // product of what is before …
				grow[i] = left
				left *= v
			}
			right := float32(1)
			for i := n - 1; i >= 0; i-- { // … and behind
				grow[i] *= right
				right *= row[i]
			}
		}
	}
}

// reduction returns the build function of a reduction. Integers are computed in
// float32, which is exact up to 2²⁴. They only count elements.
func reduction(f func(b *Builder, x *Value, axes []int) *Value) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		x := c.Input(0)
		axes := c.IntsInputOrAttr(1, "axes")
		if len(axes) == 0 {
			if c.Bool("noop_with_empty_axes", false) {
				return []*Value{x}
			}
			axes = axesUpTo(x.Rank())
		}
		axes = c.Axes(axes, x.Rank())
		y := c.Cast(f(c.Builder, c.Cast(x, nd.Float32), axes), x.DType)
		if !c.Bool("keepdims", true) {
			y = c.squeeze(y, axes)
		}
		return []*Value{y}
	}
}

var reductions = family{
	"ReduceSum":  {1, reduction(func(b *Builder, x *Value, axes []int) *Value { return b.Sum(x, axes...) })},
	"ReduceMean": {1, reduction(func(b *Builder, x *Value, axes []int) *Value { return b.MeanOver(x, axes...) })},
	"ReduceMax":  {1, reduction(func(b *Builder, x *Value, axes []int) *Value { return b.Max(x, axes...) })},
	"ReduceMin":  {1, reduction(func(b *Builder, x *Value, axes []int) *Value { return b.Min(x, axes...) })},
	"ReduceProd": {1, reduction((*Builder).prod)},
	"ReduceL1": {1, reduction(func(b *Builder, x *Value, axes []int) *Value {
		return b.Sum(b.unary(opAbs, x), axes...)
	})},
	"ReduceL2": {1, reduction(func(b *Builder, x *Value, axes []int) *Value {
		return b.Sqrt(b.Sum(b.Mul(x, x), axes...))
	})},
	"ReduceSumSquare": {1, reduction(func(b *Builder, x *Value, axes []int) *Value {
		return b.Sum(b.Mul(x, x), axes...)
	})},
	"ReduceLogSum": {1, reduction(func(b *Builder, x *Value, axes []int) *Value {
		return b.Log(b.Sum(x, axes...))
	})},
	"ReduceLogSumExp": {1, reduction(func(b *Builder, x *Value, axes []int) *Value {
		m := b.Max(x, axes...) // taken out so that the exponentials do not overflow
		return b.Add(b.Log(b.Sum(b.Exp(b.Sub(x, m)), axes...)), m)
	})},
}
