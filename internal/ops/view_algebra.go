package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// compose returns the view that selects from an array what outer selects from the
// elements that inner selects from it. ok is false if an axis of outer crosses axes
// of inner, or if inner has no elements.
func compose(outer, inner strided.View) (v strided.View, ok bool) {
	if slices.Contains(inner.Shape, 0) {
		return v, false
	}
	dense := nd.Strides(inner.Shape)
	v = strided.View{Shape: outer.Shape, Stride: make([]int, len(outer.Shape)), Offset: inner.Offset}
	last := make([]int, len(inner.Shape)) // greatest index on each axis
	rest := outer.Offset
	for j, d := range dense {
		last[j] = rest / d
		rest %= d
		v.Offset += last[j] * inner.Stride[j]
	}
	for i, n := range outer.Shape {
		if n == 1 {
			continue
		}
		found := false
		for j, d := range dense {
			if m := outer.Stride[i] / d; m > 0 && m*d == outer.Stride[i] && last[j]+(n-1)*m < inner.Shape[j] {
				last[j] += (n - 1) * m
				v.Stride[i] = m * inner.Stride[j]
				found = true
				break
			}
		}
		if !found {
			return v, false
		}
	}
	return v, true
}

// repeats reports whether a view selects elements more than once, because it has an
// axis with a stride of 0.
func repeats(v strided.View) bool {
	for i, n := range v.Shape {
		if n > 1 && v.Stride[i] == 0 {
			return true
		}
	}
	return false
}

// covers reports whether the views together select every element of an array of n
// exactly once. The views may differ only in their offsets.
func covers(n int, views ...strided.View) bool {
	type axis struct{ n, stride int }
	axes := []axis{{len(views), 0}}
	for i, v := range views {
		if !slices.Equal(v.Shape, views[0].Shape) || !slices.Equal(v.Stride, views[0].Stride) {
			return false
		}
		switch {
		case i == 1:
			axes[0].stride = v.Offset - views[0].Offset
		case i > 1 && v.Offset-views[i-1].Offset != axes[0].stride:
			return false
		}
	}
	for i, m := range views[0].Shape {
		axes = append(axes, axis{m, views[0].Stride[i]})
	}
	slices.SortFunc(axes, func(a, b axis) int { return a.stride - b.stride })
	size := 1
	for _, a := range axes {
		if a.n == 1 {
			continue
		}
		if a.stride != size {
			return false
		}
		size *= a.n
	}
	return size == n && views[0].Offset == 0
}

// dense reports whether a view selects adjacent elements in order.
func dense(v strided.View) bool {
	for i, s := range nd.Strides(v.Shape) {
		if v.Shape[i] > 1 && v.Stride[i] != s {
			return false
		}
	}
	return true
}

// movesNothing reports whether a permutation moves only axes of length 1.
func movesNothing(shape, perm []int) bool {
	last := -1
	for _, p := range perm {
		if shape[p] == 1 {
			continue
		}
		if p < last {
			return false
		}
		last = p
	}
	return true
}
