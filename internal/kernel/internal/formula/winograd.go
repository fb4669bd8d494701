package formula

import "slices"

// The transforms of Winograd's convolutions F(4×4, 3×3), with the interpolation
// points 0, ±a, ±b and ∞, and F(2×2, 3×3), with 0, ±1 and ∞; package winograd says
// in transform.go what they are for. Each is a small matrix L applied
// as L·x·Lᵀ to n×n vectors, giving m×m.
type Linear[V any] struct {
	Name   string
	N, M   int
	Groups []Group[V]
	Bias   bool // add a vector to every result
}

// Group is a part of the rows of L with what they share. So many accumulators
// of the vertical pass stay in registers at a time.
type Group[V any] struct {
	Rows []int
	In   []int // the inputs that the rows use
	// Apply returns the rows of L·x; x holds the inputs, which must survive.
	Apply func(w Code[V], x []V) []V
}

const (
	pointA, pointB = 0.75, 1.5
	a2, b2         = pointA * pointA, pointB * pointB
	scaleA         = 1 / (2 * a2 * (a2 - b2)) // of row ±a of G
	scaleB         = 1 / (2 * b2 * (b2 - a2))
)

// Transforms lists them all.
func Transforms[V any]() []Linear[V] {
	return []Linear[V]{
		{Name: "Input", N: 6, M: 6, Groups: []Group[V]{
			{[]int{0}, []int{0, 2, 4}, func(w Code[V], x []V) []V {
				return list(w.Fma(w.Fma(w.Copy(x[4]), -(a2+b2), x[2]), a2*b2, x[0]))
			}},
			{[]int{1, 2}, []int{1, 2, 3, 4}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Copy(x[4]), -b2, x[2]), w.Fma(w.Copy(x[3]), -b2, x[1])
				return list(w.Fma(w.Copy(even), pointA, odd), w.Fma(even, -pointA, odd))
			}},
			{[]int{3, 4}, []int{1, 2, 3, 4}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Copy(x[4]), -a2, x[2]), w.Fma(w.Copy(x[3]), -a2, x[1])
				return list(w.Fma(w.Copy(even), pointB, odd), w.Fma(even, -pointB, odd))
			}},
			{[]int{5}, []int{1, 3, 5}, func(w Code[V], x []V) []V {
				return list(w.Fma(w.Fma(w.Copy(x[5]), -(a2+b2), x[3]), a2*b2, x[1]))
			}},
		}},
		{Name: "Output", N: 6, M: 4, Bias: true, Groups: []Group[V]{
			{[]int{0, 2}, []int{0, 1, 2, 3, 4}, func(w Code[V], x []V) []V {
				sa, sb := w.Add(x[1], x[2]), w.Add(x[3], x[4])
				y0 := w.Add(x[0], sa)
				return list(w.Add(y0, sb), w.Fma(w.Times(a2, sa), b2, sb))
			}},
			{[]int{1, 3}, []int{1, 2, 3, 4, 5}, func(w Code[V], x []V) []V {
				da, db := w.Sub(x[1], x[2]), w.Sub(x[3], x[4])
				return list(w.Fma(w.Times(pointA, da), pointB, db), w.Fma(w.Fma(w.Copy(x[5]), a2*pointA, da), b2*pointB, db))
			}},
		}},
		{Name: "OutputGrad", N: 4, M: 6, Groups: []Group[V]{
			{[]int{0, 1, 2}, []int{0, 1, 2, 3}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Copy(x[0]), a2, x[2]), w.Fma(w.Times(pointA, x[1]), a2*pointA, x[3])
				return list(w.Copy(x[0]), w.Add(even, odd), w.Sub(even, odd))
			}},
			{[]int{3, 4, 5}, []int{0, 1, 2, 3}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Copy(x[0]), b2, x[2]), w.Fma(w.Times(pointB, x[1]), b2*pointB, x[3])
				return list(w.Add(even, odd), w.Sub(even, odd), w.Copy(x[3]))
			}},
		}},
		{Name: "Weight", N: 3, M: 6, Groups: []Group[V]{
			{[]int{0, 1, 2}, []int{0, 1, 2}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Times(scaleA, x[0]), a2*scaleA, x[2]), w.Times(pointA*scaleA, x[1])
				return list(w.Times(1/(a2*b2), x[0]), w.Add(even, odd), w.Sub(even, odd))
			}},
			{[]int{3, 4, 5}, []int{0, 1, 2}, func(w Code[V], x []V) []V {
				even, odd := w.Fma(w.Times(scaleB, x[0]), b2*scaleB, x[2]), w.Times(pointB*scaleB, x[1])
				return list(w.Add(even, odd), w.Sub(even, odd), w.Copy(x[2]))
			}},
		}},
		{Name: "WeightGrad", N: 6, M: 3, Groups: []Group[V]{
			{[]int{0, 2}, []int{0, 1, 2, 3, 4, 5}, func(w Code[V], x []V) []V {
				sa, sb := w.Add(x[1], x[2]), w.Add(x[3], x[4])
				y0 := w.Fma(w.Fma(w.Times(1/(a2*b2), x[0]), scaleA, sa), scaleB, sb)
				return list(y0, w.Fma(w.Fma(w.Copy(x[5]), a2*scaleA, sa), b2*scaleB, sb))
			}},
			{[]int{1}, []int{1, 2, 3, 4}, func(w Code[V], x []V) []V {
				da, db := w.Sub(x[1], x[2]), w.Sub(x[3], x[4])
				return list(w.Fma(w.Times(pointA*scaleA, da), pointB*scaleB, db))
			}},
		}},
		{Name: "Input2", N: 4, M: 4, Groups: []Group[V]{
			{[]int{0}, []int{0, 2}, func(w Code[V], x []V) []V { return list(w.Sub(x[0], x[2])) }},
			{[]int{1, 2}, []int{1, 2}, func(w Code[V], x []V) []V {
				return list(w.Add(x[1], x[2]), w.Sub(x[2], x[1]))
			}},
			{[]int{3}, []int{1, 3}, func(w Code[V], x []V) []V { return list(w.Sub(x[1], x[3])) }},
		}},
		{Name: "Output2", N: 4, M: 2, Bias: true, Groups: []Group[V]{
			{[]int{0, 1}, []int{0, 1, 2, 3}, func(w Code[V], x []V) []V {
				return list(w.Add(w.Add(x[0], x[1]), x[2]), w.Sub(w.Sub(x[1], x[2]), x[3]))
			}},
		}},
		{Name: "Weight2", N: 3, M: 4, Groups: []Group[V]{
			{[]int{0, 1, 2, 3}, []int{0, 1, 2}, func(w Code[V], x []V) []V {
				even, odd := w.Times(0.5, w.Add(x[0], x[2])), w.Times(0.5, x[1])
				return list(w.Copy(x[0]), w.Add(even, odd), w.Sub(even, odd), w.Copy(x[2]))
			}},
		}},
	}
}

func list[V any](v ...V) []V { return v }

// Merge joins groups as far as the registers allow, most sums of the vertical pass. Inputs that
// groups share are then loaded once.
func (l *Linear[V]) Merge(most int) (merged []Group[V]) {
	for _, g := range l.Groups {
		last := len(merged) - 1
		if last < 0 || (len(merged[last].Rows)+len(g.Rows))*l.N > most {
			merged = append(merged, g)
			continue
		}
		first := merged[last]
		merged[last] = Group[V]{
			Rows: slices.Concat(first.Rows, g.Rows),
			In:   slices.Compact(slices.Sorted(slices.Values(slices.Concat(first.In, g.In)))),
			Apply: func(w Code[V], x []V) []V {
				return append(first.Apply(w, x), g.Apply(w, x)...)
			},
		}
	}
	return merged
}

// Horizontal applies l to a row of the vertical pass.
func (l *Linear[V]) Horizontal(w Code[V], x []V) []V {
	out := make([]V, l.M)
	for _, h := range l.Groups {
		for i, y := range h.Apply(w, x) {
			out[h.Rows[i]] = y
		}
	}
	return out
}
