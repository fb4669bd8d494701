package ops

import (
	"math/bits"
	"slices"
)

// window holds the attributes of sliding-window operators.
type window struct {
	kernel, stride, dilation, pad, padEnd []int
	autoPad                               string
}

// window reads the attributes strides, dilations, pads and auto_pad for a
// kernel_shape.
func (c *Call) window(kernelShape []int) window {
	n := len(kernelShape)
	if n < 1 || n > 3 {
		unsupported("%d spatial axes (1 to 3 are)", n)
	}
	w := window{
		kernel:   kernelShape,
		stride:   c.perAxis("strides", n, 1),
		dilation: c.perAxis("dilations", n, 1),
		autoPad:  c.String("auto_pad", "NOTSET"),
		pad:      make([]int, n), padEnd: make([]int, n),
	}
	for i, k := range kernelShape {
		if least, most := min(k, w.stride[i], w.dilation[i]), max(k, w.stride[i], w.dilation[i]); least < 1 || most > maxWindow {
			c.fail("kernel_shape %v, strides %v and dilations %v must be positive and at most %d", kernelShape, w.stride, w.dilation, maxWindow)
		}
	}
	switch pads := c.IntsAttr("pads"); {
	case w.autoPad != "NOTSET" && w.autoPad != "":
	case len(pads) == 2*n:
		copy(w.pad, pads[:n])
		copy(w.padEnd, pads[n:])
	case pads != nil:
		c.fail("pads %v for %d spatial axes", pads, n)
	}
	for i, p := range w.pad {
		if least, most := min(p, w.padEnd[i]), max(p, w.padEnd[i]); least < 0 || most > maxWindow {
			c.fail("pads %v and %v; at least 0 and at most %d are supported", w.pad, w.padEnd, maxWindow)
		}
	}
	return w
}

// maxWindow is the limit on the numbers that describe a window, so that products of
// two do not overflow.
const maxWindow = 1 << (bits.UintSize/2 - 2)

func (c *Call) perAxis(name string, n, otherwise int) []int {
	v := c.IntsAttr(name)
	if len(v) == 0 {
		return slices.Repeat([]int{otherwise}, n)
	}
	if len(v) != n {
		c.fail("attribute %q has %d values for %d spatial axes", name, len(v), n)
	}
	return v
}

// The kernels of convolutions keep tables and sums for each position, and for each
// phase of a position with respect to the strides. This memory is checked like that
// of values.
const (
	positionElements = 16 // float32s in the same memory
	phaseElements    = 160
)

// settle sets the stride of axes with a single window, where it has no effect, to
// 1. It ends the build if the kernels would need too much memory.
func (c *Call) settle(w *window, windows, extent []int) {
	for i, n := range windows {
		if n == 1 {
			w.stride[i] = 1
		}
	}
	c.checkSize("padded input", extent)
	c.checkSize("strides", append([]int{phaseElements}, w.stride...))
}

// fit computes the padding, and returns the output's spatial shape for x [N,C,in…].
func (c *Call) fit(w *window, x *Value, ceil bool) []int {
	in := x.Shape[2:]
	out := make([]int, len(in))
	padded := []int{max(x.Shape[1], positionElements)}
	for i, n := range in {
		reach := w.dilation[i]*(w.kernel[i]-1) + 1
		switch w.autoPad {
		case "SAME_UPPER", "SAME_LOWER":
			out[i] = (n + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out[i]-1)*w.stride[i]+reach-n)
			w.pad[i], w.padEnd[i] = total/2, total-total/2
			if w.autoPad == "SAME_LOWER" {
				w.pad[i], w.padEnd[i] = w.padEnd[i], w.pad[i]
			}
			padded = append(padded, n+total)
			continue
		}
		padded = append(padded, n+w.pad[i]+w.padEnd[i])
		free := n + w.pad[i] + w.padEnd[i] - reach
		if free < 0 {
			fail("window of %d on an axis of %d with padding %d and %d", reach, n, w.pad[i], w.padEnd[i])
		}
		out[i] = free/w.stride[i] + 1
		if ceil && free%w.stride[i] != 0 && out[i]*w.stride[i] < n+w.pad[i] {
			out[i]++ // a window may hang over the end, but must not start beyond it
		}
	}
	c.settle(w, out, padded)
	return out
}
