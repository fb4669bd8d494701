package elementwise

import (
	"sync"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// broadcastTile is the number of elements that Broadcast hands out at a time if an operand
// is repeated.
const broadcastTile = 1024

var tiles = map[nd.DType]*sync.Pool{
	nd.Float32: {New: func() any { return new([2 * broadcastTile]float32) }},
	nd.Int64:   {New: func() any { return new([2 * broadcastTile]int64) }},
	nd.Bool:    {New: func() any { return new([2 * broadcastTile]bool) }},
}

// Broadcast computes z[i] = f(x[i], y[i]) over a shape. x and y are read through strides,
// which are 0 along the axes on which they are repeated. f gets slices of equal length.
func Broadcast[T, U nd.Elem](w *parallel.Workers, shape []int, z []U, x []T, xs []int, y []T, ys []int, f func(z []U, x, y []T)) {
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
	pool := tiles[nd.Array{Data: x}.DType()]
	part := func(z []U, x, y *operand[T], ax, ay int) {
		for i := 0; i < len(z); i += broadcastTile {
			m := min(broadcastTile, len(z)-i)
			f(z[i:i+m], x.take(ax+i*sx, m), y.take(ay+i*sy, m))
		}
	}
	operands := func(tile *[2 * broadcastTile]T) (a, b operand[T]) {
		return operand[T]{x, sx, tile[:broadcastTile], -1, 0}, operand[T]{y, sy, tile[broadcastTile:], -1, 0}
	}
	if last == 0 {
		w.For(n, 8192, func(lo, hi int) {
			tile := pool.Get().(*[2 * broadcastTile]T)
			defer pool.Put(tile)
			a, b := operands(tile)
			part(z[lo:hi], &a, &b, lo*sx, lo*sy)
		})
		return
	}
	vx, vy := strided.View{Shape: shape, Stride: xs}, strided.View{Shape: shape, Stride: ys}
	w.For(len(z)/n, 1+8192/n, func(lo, hi int) {
		tile := pool.Get().(*[2 * broadcastTile]T)
		defer pool.Put(tile)
		a, b := operands(tile)
		rowsY := make([]int, 0, hi-lo)
		vy.Runs(lo, hi, func(_, at int) { rowsY = append(rowsY, at) })
		vx.Runs(lo, hi, func(row, ax int) {
			ay := rowsY[row-lo]
			if sx == 1 && sy == 1 {
				f(z[row*n:row*n+n], x[ax:ax+n], y[ay:ay+n])
				return
			}
			part(z[row*n:row*n+n], &a, &b, ax, ay)
		})
	})
}

// operand hands out the elements of a slice in steps. Unless they are adjacent, it copies
// them to a tile.
type operand[T nd.Elem] struct {
	x    []T
	step int
	tile []T
	at   int // for a step of 0, the element that the tile repeats
	n    int // this many times
}

// take returns n elements from at on, at most as many as the tile holds.
func (o *operand[T]) take(at, n int) []T {
	switch {
	case o.step == 1:
		return o.x[at : at+n]
	case o.step == 0 && o.at == at && n <= o.n:
		return o.tile[:n] // the same as before: mostly a constant
	}
	tile := o.tile[:n]
	for i := range tile {
		tile[i] = o.x[at+i*o.step]
	}
	o.at, o.n = at, n
	return tile
}

// collapsePair merges adjacent axes that both operands walk alike.
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
