package resample

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// Taps is a sparse matrix of shape [Out, In], stored by rows. Row i has the entries
// Weight[k] in columns Index[k] for Start[i] <= k < Start[i+1].
type Taps struct {
	In, Out int
	Start   []int
	Index   []int
	Weight  []float32
}

// Transposed returns the transposed matrix.
func (t Taps) Transposed() Taps {
	u := Taps{
		In: t.Out, Out: t.In,
		Start:  make([]int, t.In+1),
		Index:  make([]int, len(t.Index)),
		Weight: make([]float32, len(t.Weight)),
	}
	for _, c := range t.Index {
		u.Start[c+1]++
	}
	for c := range t.In {
		u.Start[c+1] += u.Start[c]
	}
	next := append([]int(nil), u.Start...)
	for r := range t.Out {
		for k := t.Start[r]; k < t.Start[r+1]; k++ {
			at := next[t.Index[k]]
			next[t.Index[k]]++
			u.Index[at], u.Weight[at] = r, t.Weight[k]
		}
	}
	return u
}

// Interpolate multiplies the middle axis of x, of shape [outer, In, inner], by the matrix.
// y has shape [outer, Out, inner].
func (t Taps) Interpolate(w *parallel.Workers, outer, inner int, x, y []float32) {
	if inner == 1 {
		w.For(outer, parallel.GrainOf(t.Out), func(lo, hi int) {
			for o := lo; o < hi; o++ {
				t.interpolateRow(x[o*t.In:(o+1)*t.In], y[o*t.Out:(o+1)*t.Out])
			}
		})
		return
	}
	w.For(outer*t.Out, parallel.GrainOf(inner), func(lo, hi int) {
		o, i := lo/t.Out, lo%t.Out
		for at := lo; at < hi; at++ {
			t.mixRows(i, inner, x[o*t.In*inner:(o+1)*t.In*inner], y[at*inner:(at+1)*inner])
			if i++; i == t.Out {
				o, i = o+1, 0
			}
		}
	})
}

// interpolateRow multiplies one vector by the matrix.
func (t Taps) interpolateRow(x, y []float32) {
	index, weight := t.Index, t.Weight[:len(t.Index)]
	k := 0
	for i, end := range t.Start[1:] {
		sum := float32(0)
		for ; k+1 < end; k += 2 {
			sum += weight[k]*x[index[k]] + weight[k+1]*x[index[k+1]]
		}
		if k < end {
			sum += weight[k] * x[index[k]]
			k++
		}
		y[i] = sum
	}
}

// mixRows computes row i of the result from rows of x, two at a time.
func (t Taps) mixRows(i, inner int, x, y []float32) {
	index, weight := t.Index[t.Start[i]:t.Start[i+1]], t.Weight[t.Start[i]:t.Start[i+1]]
	row := func(k int) []float32 { return x[index[k]*inner : (index[k]+1)*inner][:len(y)] }
	k := len(index) % 2
	if k == 1 {
		f, a := weight[0], row(0)
		for c := range y {
			y[c] = f * a[c]
		}
	} else {
		clear(y)
	}
	for ; k < len(index); k += 2 {
		f, a, g, b := weight[k], row(k), weight[k+1], row(k+1)
		for c := range y {
			y[c] += f*a[c] + g*b[c]
		}
	}
}
