package kernel

import (
	"sync"

	"github.com/advparams/advparams/nd"
)

// broadcastTile is the number of elements that Broadcast hands out at a time
// when an operand has to be repeated.
const broadcastTile = 1024

var tiles = map[nd.DType]*sync.Pool{
	nd.Float32: {New: func() any { return new([2 * broadcastTile]float32) }},
	nd.Int64:   {New: func() any { return new([2 * broadcastTile]int64) }},
	nd.Bool:    {New: func() any { return new([2 * broadcastTile]bool) }},
}

// Broadcast computes z[i] = f(x[i], y[i]) over a shape, with x and y read
// through strides that are 0 along the axes they are repeated on. f gets
// slices of equal length.
func Broadcast[T, U nd.Elem](w *Workers, shape []int, z []U, x []T, xs []int, y []T, ys []int, f func(z []U, x, y []T)) {
	if len(z) == 0 {
		return
	}
	shape, xs, ys = collapsePair(shape, xs, ys)
	last := len(shape) - 1
	n, sx, sy := shape[last], xs[last], ys[last]
	if last == 0 && sx == 1 && sy == 1 {
		w.For(n, 8192, func(lo, hi int) { f(z[lo:hi], x[lo:hi], y[lo:hi]) })
		return
	}
	vx, vy := View{Shape: shape, Stride: xs}, View{Shape: shape, Stride: ys}
	pool := tiles[nd.Array{Data: x}.DType()]
	w.For(len(z)/n, 1+8192/n, func(lo, hi int) {
		buf := pool.Get()
		defer pool.Put(buf)
		tile := any(buf).(*[2 * broadcastTile]T)
		rowsY := make([]int, 0, hi-lo)
		vy.runs(lo, hi, func(_, at int) { rowsY = append(rowsY, at) })
		vx.runs(lo, hi, func(row, ax int) {
			ay := rowsY[row-lo]
			if sx == 1 && sy == 1 {
				f(z[row*n:row*n+n], x[ax:ax+n], y[ay:ay+n])
				return
			}
			for i := 0; i < n; i += broadcastTile {
				m := min(broadcastTile, n-i)
				xx := spread(x, ax+i*sx, sx, tile[:m])
				yy := spread(y, ay+i*sy, sy, tile[broadcastTile:broadcastTile+m])
				f(z[row*n+i:row*n+i+m], xx, yy)
			}
		})
	})
}

// spread returns len(tile) elements of x from at in steps of s, copied to tile
// unless they are adjacent.
func spread[T nd.Elem](x []T, at, s int, tile []T) []T {
	if s == 1 {
		return x[at : at+len(tile)]
	}
	for i := range tile {
		tile[i] = x[at+i*s]
	}
	return tile
}

// collapsePair merges adjacent axes which both operands walk alike.
func collapsePair(shape, xs, ys []int) (s, x, y []int) {
	for i, n := range shape {
		if n == 1 {
			continue
		}
		if k := len(s) - 1; k >= 0 && x[k] == xs[i]*n && y[k] == ys[i]*n {
			s[k], x[k], y[k] = s[k]*n, xs[i], ys[i]
			continue
		}
		s, x, y = append(s, n), append(x, xs[i]), append(y, ys[i])
	}
	if len(s) == 0 {
		return []int{1}, []int{1}, []int{1}
	}
	return s, x, y
}
