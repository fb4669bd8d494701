package kernel

// Taps is a sparse matrix [Out, In] by rows: row i has the entries Weight[k] in
// columns Index[k] for Start[i] <= k < Start[i+1].
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

// Interpolate multiplies the middle axis of x [outer, In, inner] by the matrix,
// giving y [outer, Out, inner].
func (t Taps) Interpolate(w *Workers, outer, inner int, x, y []float32) {
	w.For(outer*t.Out, 1+4096/max(inner, 1), func(lo, hi int) {
		o, i := lo/t.Out, lo%t.Out
		for at := lo; at < hi; at++ {
			first, end := t.Start[i], t.Start[i+1]
			if inner == 1 {
				sum, row := float32(0), x[o*t.In:(o+1)*t.In]
				for k := first; k < end; k++ {
					sum += t.Weight[k] * row[t.Index[k]]
				}
				y[at] = sum
			} else {
				out := y[at*inner : (at+1)*inner]
				clear(out)
				for k := first; k < end; k++ {
					from, f := (o*t.In+t.Index[k])*inner, t.Weight[k]
					for c, v := range x[from : from+inner] {
						out[c] += f * v
					}
				}
			}
			if i++; i == t.Out {
				o, i = o+1, 0
			}
		}
	})
}
