package ops

import (
	"github.com/advparams/advparams/nd"
)

// broadcastShape returns the shape to which two operands are broadcast (ONNX
// "multidirectional broadcasting").
func broadcastShape(name string, x, y []int) []int {
	n := max(len(x), len(y))
	out := make([]int, n)
	for i := range out {
		dx, dy := 1, 1
		if k := i - n + len(x); k >= 0 {
			dx = x[k]
		}
		if k := i - n + len(y); k >= 0 {
			dy = y[k]
		}
		switch {
		case dx == dy || dy == 1:
			out[i] = dx
		case dx == 1:
			out[i] = dy
		default:
			fail("%s: shapes %v and %v cannot be broadcast", name, x, y)
		}
	}
	return out
}

// broadcastStrides returns the strides with which an array of shape from is read as
// one of shape to.
func broadcastStrides(from, to []int) []int {
	s := make([]int, len(to))
	lead := len(to) - len(from)
	if lead < 0 {
		fail("shape %v cannot be repeated to %v", from, to)
	}
	for i, st := range nd.Strides(from) {
		switch {
		case from[i] == to[lead+i]:
			s[lead+i] = st
		case from[i] != 1:
			fail("shape %v cannot be repeated to %v", from, to)
		}
	}
	return s
}

// axesUpTo returns 0 … n-1.
func axesUpTo(n int) []int {
	a := make([]int, n)
	for i := range a {
		a[i] = i
	}
	return a
}

// broadcastKernel is a kernel that can overwrite operands that are not repeated.
type broadcastKernel struct {
	runFunc
	inPlace
}
