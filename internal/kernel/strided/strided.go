package strided

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/nd"
)

// View selects elements of an array. Element i of the view, where i is a multi-index into
// Shape, is element Offset + Σ i[k]·Stride[k] of the array. Transposed, sliced, reversed
// and broadcast (stride 0) arrays are views.
type View struct {
	Shape, Stride []int
	Offset        int
}

// Collapse returns the same view with as few axes as possible: it merges adjacent axes that
// one loop can walk, and drops axes of length 1.
func (v View) Collapse() View {
	c := View{Offset: v.Offset}
	for i, n := range v.Shape {
		s := v.Stride[i]
		if n == 1 {
			continue
		}
		if k := len(c.Shape) - 1; k >= 0 && c.Stride[k] == s*n {
			c.Shape[k] *= n
			c.Stride[k] = s
			continue
		}
		c.Shape = append(c.Shape, n)
		c.Stride = append(c.Stride, s)
	}
	if len(c.Shape) == 0 {
		c.Shape, c.Stride = []int{1}, []int{1}
	}
	return c
}

// Runs calls f for the innermost rows [lo, hi) of the view, with the number of the row and
// the position of its first element in the array.
func (v View) Runs(lo, hi int, f func(row, at int)) {
	outer := len(v.Shape) - 1
	index := make([]int, outer)
	at, rest := v.Offset, lo
	for k := outer - 1; k >= 0; k-- {
		index[k] = rest % v.Shape[k]
		rest /= v.Shape[k]
		at += index[k] * v.Stride[k]
	}
	for row := lo; row < hi; row++ {
		f(row, at)
		for k := outer - 1; k >= 0; k-- {
			index[k]++
			at += v.Stride[k]
			if index[k] < v.Shape[k] {
				break
			}
			at -= index[k] * v.Stride[k]
			index[k] = 0
		}
	}
}

// Read copies the elements of view v of x to y, in row-major order.
func Read[T nd.Elem](w *parallel.Workers, v View, x, y []T) {
	if len(y) == 0 {
		return
	}
	v = v.Collapse()
	last := len(v.Shape) - 1
	n, s := v.Shape[last], v.Stride[last]
	w.For(len(y)/n, 1+4096/n, func(lo, hi int) {
		v.Runs(lo, hi, func(row, at int) {
			dst := y[row*n : row*n+n]
			switch s {
			case 1:
				copy(dst, x[at:at+n])
			case 0:
				e := x[at]
				for i := range dst {
					dst[i] = e
				}
			default:
				for i := range dst {
					dst[i] = x[at]
					at += s
				}
			}
		})
	})
}

// Accumulate adds y to the elements of x that view v selects. It is the adjoint of [Read]:
// where a stride is 0, it sums.
func Accumulate(w *parallel.Workers, v View, x, y []float32) {
	if len(y) == 0 {
		return
	}
	v = v.Collapse()
	last := len(v.Shape) - 1
	n, s := v.Shape[last], v.Stride[last]
	if last == 1 && s == 0 && v.Stride[0] == 1 {
		addRows(w, n, x[v.Offset:], y)
		return
	}
	v.Runs(0, len(y)/n, func(row, at int) {
		src := y[row*n : row*n+n]
		switch s {
		case 1:
			simd.Add(x[at:at+n], x[at:at+n], src)
		case 0:
			x[at] += simd.Sum(src)
		default:
			for _, e := range src {
				x[at] += e
				at += s
			}
		}
	})
}

// addRows adds the sum of n elements of y to each of x.
func addRows(w *parallel.Workers, n int, x, y []float32) {
	w.For(len(y)/n, parallel.GrainOf(n), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := y[i*n : i*n+n]
			if n >= 8 {
				x[i] += simd.Sum(row)
				continue
			}
			var s float32
			for _, v := range row {
				s += v
			}
			x[i] += s
		}
	})
}

// Write copies y to the elements of x that view v selects.
func Write[T nd.Elem](v View, x, y []T) {
	if len(y) == 0 {
		return
	}
	v = v.Collapse()
	last := len(v.Shape) - 1
	n, s := v.Shape[last], v.Stride[last]
	v.Runs(0, len(y)/n, func(row, at int) {
		src := y[row*n : row*n+n]
		if s == 1 {
			copy(x[at:at+n], src)
			return
		}
		for _, e := range src {
			x[at] = e
			at += s
		}
	})
}
