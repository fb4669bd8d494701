package elementwise

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// Select computes z[i] = x[i] where c[i] and y[i] elsewhere, over a shape. The strides cs,
// xs and ys are 0 along the axes on which an operand is repeated.
func Select[T nd.Elem](w *parallel.Workers, shape []int, z []T, c []bool, cs []int, x []T, xs []int, y []T, ys []int) {
	if len(z) == 0 {
		return
	}
	shape, strides := collapseAll(shape, cs, xs, ys)
	last := len(shape) - 1
	n := shape[last]
	vc := strided.View{Shape: shape, Stride: strides[0]}
	vx := strided.View{Shape: shape, Stride: strides[1]}
	vy := strided.View{Shape: shape, Stride: strides[2]}
	sc, sx, sy := vc.Stride[last], vx.Stride[last], vy.Stride[last]
	w.For(len(z)/n, parallel.GrainOf(n), func(lo, hi int) {
		starts := make([][2]int, hi-lo) // of the rows in c and x
		vc.Runs(lo, hi, func(row, at int) { starts[row-lo][0] = at })
		vx.Runs(lo, hi, func(row, at int) { starts[row-lo][1] = at })
		vy.Runs(lo, hi, func(row, ay int) {
			ac, ax := starts[row-lo][0], starts[row-lo][1]
			out := z[row*n : row*n+n]
			for i := range out {
				if c[ac] {
					out[i] = x[ax]
				} else {
					out[i] = y[ay]
				}
				ac, ax, ay = ac+sc, ax+sx, ay+sy
			}
		})
	})
}

// collapseAll merges adjacent axes that all operands walk alike.
func collapseAll(shape []int, strides ...[]int) (s []int, out [][]int) {
	out = make([][]int, len(strides))
	for i, n := range shape {
		if n == 1 {
			continue
		}
		k := len(s) - 1
		merge := k >= 0
		for o, st := range strides {
			merge = merge && out[o][k] == st[i]*n
		}
		if merge {
			s[k] *= n
			for o, st := range strides {
				out[o][k] = st[i]
			}
			continue
		}
		s = append(s, n)
		for o, st := range strides {
			out[o] = append(out[o], st[i])
		}
	}
	if len(s) == 0 {
		return []int{1}, slices.Repeat([][]int{{1}}, len(strides))
	}
	return s, out
}
