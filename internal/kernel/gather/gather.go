package gather

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// Positions converts tuples of indices, as ONNX's gathering and scattering operators take
// them, to positions in an array. Position i is
//
//	base(i) + Σ_c wrap(index[i][c])·Stride[c]
//
// where base(i) is what element i of the view Base selects. An index from -Limit[c] to -1
// counts from the end of its axis.
type Positions struct {
	Base          strided.View
	Limit, Stride []int // one a component of the tuples
}

// Invalid returns the number of the first index that is out of range, or -1.
func (p Positions) Invalid(index []int64) int {
	c := 0
	for i, x := range index {
		if n := int64(p.Limit[c]); x < -n || x >= n {
			return i
		}
		if c++; c == len(p.Limit) {
			c = 0
		}
	}
	return -1
}

// Fill computes the positions of valid indices.
func (p Positions) Fill(w *parallel.Workers, index, pos []int64) {
	if len(pos) == 0 {
		return
	}
	base := p.Base.Collapse()
	last, k := len(base.Shape)-1, len(p.Limit)
	n, step := base.Shape[last], base.Stride[last]
	w.For(len(pos)/n, parallel.GrainOf(n), func(lo, hi int) {
		base.Runs(lo, hi, func(row, at int) {
			for i := row * n; i < (row+1)*n; i++ {
				sum := int64(at)
				for c, x := range index[i*k : i*k+k] {
					if x < 0 {
						x += int64(p.Limit[c])
					}
					sum += x * int64(p.Stride[c])
				}
				pos[i] = sum
				at += step
			}
		})
	})
}

// Take copies rows of block elements. x has shape [outer, n, block] and y [outer,
// len(rows), block]. Row j of y is row rows[j] of x. Row numbers are in [0, n).
func Take[T nd.Elem](w *parallel.Workers, outer, n, block int, x []T, rows []int64, y []T) {
	k := len(rows)
	if block == 1 {
		w.For(outer*k, parallel.MinWork, func(lo, hi int) {
			for lo < hi { // the rest of one row of y
				o, j := lo/k, lo%k
				line := rows[j:min(k, j+hi-lo)]
				from, to := x[o*n:(o+1)*n], y[lo:lo+len(line)]
				for i, r := range line {
					to[i] = from[r]
				}
				lo += len(line)
			}
		})
		return
	}
	w.For(outer*k, parallel.GrainOf(block), func(lo, hi int) {
		o, j := lo/k, lo%k
		for at := lo; at < hi; at++ {
			from := (o*n + int(rows[j])) * block
			copy(y[at*block:(at+1)*block], x[from:from+block])
			if j++; j == k {
				o, j = o+1, 0
			}
		}
	})
}

// TakeSum is the adjoint of [Take]. It overwrites each row of x with the sum of the rows of
// y that were taken from it, or with zero if none was. Rows are added in order.
func TakeSum(w *parallel.Workers, outer, n, block int, y []float32, rows []int64, x []float32) {
	if outer == 1 { // divide the rows of x
		w.For(n, 8*parallel.GrainOf(block), func(lo, hi int) {
			sumRows(x, y, rows, block, lo, hi)
		})
		return
	}
	k := len(rows)
	w.For(outer, parallel.GrainOf((n+k)*block), func(lo, hi int) {
		for o := lo; o < hi; o++ {
			sumRows(x[o*n*block:(o+1)*n*block], y[o*k*block:(o+1)*k*block], rows, block, 0, n)
		}
	})
}

// sumRows computes rows [lo, hi) of x.
func sumRows(x, y []float32, rows []int64, block, lo, hi int) {
	clear(x[lo*block : hi*block])
	if block == 1 {
		for j, r := range rows {
			if int(r) >= lo && int(r) < hi {
				x[r] += y[j]
			}
		}
		return
	}
	for j, r := range rows {
		if int(r) < lo || int(r) >= hi {
			continue
		}
		to, from := x[int(r)*block:(int(r)+1)*block], y[j*block:(j+1)*block]
		for i, v := range from {
			to[i] += v
		}
	}
}

// Scatter calls f for each j, in order, with row rows[j] of x and row j of y. Rows have
// block elements. f changes the row of x.
func Scatter[T nd.Elem](block int, x []T, rows []int64, y []T, f func(to, from []T)) {
	for j, r := range rows {
		f(x[int(r)*block:(int(r)+1)*block], y[j*block:(j+1)*block])
	}
}
