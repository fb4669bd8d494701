package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// fourier: DFT (opset 17), STFT (opset 17), HannWindow, HammingWindow,
// BlackmanWindow (opset 17). A transform is a product with a matrix of sines and
// cosines. Signals in models are short, and a product already has a gradient.

// spectrum multiplies the rows of x, [..., n, 1] if real or [..., n, 2] if complex,
// by the matrix of a transform of length n, and returns [..., bins, 2]. Bin k of a
// row is Σ_t x_t·exp(∓2πi·kt/n), with - for the forward transform.
func (c *Call) spectrum(x *Value, bins int, inverse bool) *Value {
	r := x.Rank()
	n, parts := x.Shape[r-2], x.Shape[r-1]
	outer := x.Shape[:r-2]
	y := c.MatMul(c.Reshape(x, nd.Size(outer), n*parts), c.transform(n, parts, bins, inverse))
	return c.Reshape(y, append(slices.Clone(outer), bins, 2)...)
}

// transform returns the matrix [n·parts, bins·2] that maps n numbers of one or two
// parts each to the two parts of the bins, weighted.
func (c *Call) transform(n, parts, bins int, inverse bool) *Value {
	c.spend("DFT", perSine*count(n, bins))
	m := c.zeros("DFT", nd.Float32, n*parts, bins*2)
	a, _ := m.Constant()
	sign, w := -1.0, 1.0
	if inverse {
		sign, w = 1, 1/float64(n)
	}
	for t := range n {
		for k := range bins {
			sin, cos := math.Sincos(2 * math.Pi * float64(t*k%n) / float64(n))
			row := a.Float32s()[t*parts*bins*2+k*2:]
			row[0], row[1] = float32(w*cos), float32(w*sign*sin)
			if parts == 2 { // i·exp(iφ) = -sin φ + i·cos φ
				row = row[bins*2:]
				row[0], row[1] = float32(-w*sign*sin), float32(w*cos)
			}
		}
	}
	return m
}

// half returns the number of bins of a transform of real numbers that are not
// conjugates of others.
func half(n int) int { return n/2 + 1 }

// buildDFT builds a DFT. The axis is an attribute before opset 20.
func buildDFT(c *Call) []*Value {
	x := c.Float(0)
	r := x.Rank()
	if r < 2 || x.Shape[r-1] != 1 && x.Shape[r-1] != 2 {
		c.fail("input of shape %v; the last axis has the real and the imaginary part", x.Shape)
	}
	axis := c.Int("axis", 1)
	if c.From(20) {
		axis = -2
		if c.Optional(2) != nil {
			axis = int(c.settled(c.single(2, nd.Int64), "axis").Int64s()[0])
		}
	}
	if axis = c.Axis(axis, r); axis == r-1 {
		c.fail("axis %d has the parts of the numbers", axis)
	}
	inverse, oneSided := c.Bool("inverse", false), c.Bool("onesided", false)
	real := inverse && oneSided // from half of the spectrum of real numbers
	if !inverse && oneSided && x.Shape[r-1] != 1 || real && x.Shape[r-1] != 2 {
		c.fail("input of shape %v for a transform with onesided", x.Shape)
	}
	n := x.Shape[axis]
	if real {
		n = 2 * (n - 1)
	}
	if c.Optional(1) != nil {
		n = int(c.settled(c.single(1, nd.Int64), "length").Int64s()[0])
	}
	if n < 1 || n > maxElements {
		c.fail("a transform of length %d", n)
	}
	perm := axesUpTo(r)
	perm[axis], perm[r-2] = r-2, axis
	x = c.Transpose(x, perm...)
	var y *Value
	switch {
	case real:
		y = c.realSignal(c.cutOrFill(x, r-2, half(n)), n)
	case oneSided:
		y = c.spectrum(c.cutOrFill(x, r-2, n), half(n), false)
	default:
		y = c.spectrum(c.cutOrFill(x, r-2, n), n, inverse)
	}
	return []*Value{c.Transpose(y, perm...)}
}

// realSignal returns the n real numbers [..., n, 1] whose spectrum is x [...,
// n/2+1, 2]. It sums over all bins; those that x leaves out are the conjugates of
// all but the first and, if n is even, the last.
func (c *Call) realSignal(x *Value, n int) *Value {
	r, bins := x.Rank(), half(n)
	c.spend("DFT", perSine*count(n, bins))
	m := c.zeros("DFT", nd.Float32, bins*2, n)
	a, _ := m.Constant()
	for k := range bins {
		w := 2 / float64(n)
		if k == 0 || 2*k == n {
			w = 1 / float64(n)
		}
		for t := range n {
			sin, cos := math.Sincos(2 * math.Pi * float64(t*k%n) / float64(n))
			a.Float32s()[2*k*n+t] = float32(w * cos)
			a.Float32s()[(2*k+1)*n+t] = float32(-w * sin)
		}
	}
	outer := x.Shape[:r-2]
	y := c.MatMul(c.Reshape(x, nd.Size(outer), bins*2), m)
	return c.Reshape(y, append(slices.Clone(outer), n, 1)...)
}

// cutOrFill truncates an axis to a length, or pads it with zeros.
func (c *Call) cutOrFill(x *Value, axis, n int) *Value {
	have := x.Shape[axis]
	if have >= n {
		return c.Slice(x, axis, 0, n, 1)
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = n - have
	return c.Concat(axis, x, c.zeros("DFT", x.DType, shape...))
}

// buildSTFT cuts the signal, [batch, length] or [batch, length, 1 or 2], into
// overlapping frames, multiplies them by the window and transforms each.
func buildSTFT(c *Call) []*Value {
	x := c.Float(0)
	if x.Rank() == 2 {
		x = c.unsqueeze(x, []int{2})
	}
	if x.Rank() != 3 || x.Shape[2] != 1 && x.Shape[2] != 2 {
		c.fail("a signal of shape %v", c.Input(0).Shape)
	}
	step := int(c.settled(c.single(1, nd.Int64), "frame step").Int64s()[0])
	window := c.Optional(2)
	n := 0
	if c.Optional(3) != nil {
		n = int(c.settled(c.single(3, nd.Int64), "frame length").Int64s()[0])
	} else if window != nil {
		n = window.Len()
	}
	batch, length, parts := x.Shape[0], x.Shape[1], x.Shape[2]
	if n < 1 || n > length || step < 1 {
		c.fail("frames of %d, every %d, of a signal of %d", n, step, length)
	}
	bins := n
	if c.Bool("onesided", true) {
		if parts == 2 {
			c.fail("onesided, but a complex signal")
		}
		bins = half(n)
	}
	frames := c.view("STFT", x, strided.View{
		Shape:  []int{batch, (length-n)/step + 1, n, parts},
		Stride: []int{length * parts, step * parts, parts, 1},
	})
	if window != nil {
		if window.DType != nd.Float32 || window.Rank() != 1 || window.Len() != n {
			c.fail("a window of shape %v for frames of %d", window.Shape, n)
		}
		frames = c.Mul(frames, c.Reshape(window, n, 1))
	}
	return []*Value{c.spectrum(frames, bins, false)}
}

// buildWindow returns Σ_k weights[k]·cos(2πkt/n) for t in 0 … size-1. n is the size
// of a periodic window, and size - 1 for a symmetric one.
func buildWindow(weights ...float64) func(c *Call) []*Value {
	return func(c *Call) []*Value {
		size := int(c.settled(c.single(0, nd.Int64), "size").Int64s()[0])
		if size < 0 || size > maxElements {
			c.fail("a window of %d", size)
		}
		c.spend("window", perSine*count(size, len(weights)))
		w := c.zeros("window", nd.Float32, size)
		a, _ := w.Constant()
		n := float64(size)
		if !c.Bool("periodic", true) {
			n--
		}
		for t := range size {
			v := 0.0
			for k, f := range weights {
				v += f * math.Cos(2*math.Pi*float64(k*t)/max(n, 1))
			}
			a.Float32s()[t] = float32(v)
		}
		out := onnxpb.TensorProto_DataType(c.Int("output_datatype", int(onnxpb.TensorProto_FLOAT)))
		return []*Value{c.convert(w, out)}
	}
}

// The weights are those of the ONNX specification.
var fourier = family{
	"DFT":            {17, buildDFT},
	"STFT":           {17, buildSTFT},
	"HannWindow":     {17, buildWindow(0.5, -0.5)},
	"HammingWindow":  {17, buildWindow(25.0/46, -21.0/46)},
	"BlackmanWindow": {17, buildWindow(0.42, -0.5, 0.08)},
}
