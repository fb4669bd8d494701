package ops

import (
	"math/bits"
	"slices"

	"github.com/advparams/advparams/internal/kernel"
	"github.com/advparams/advparams/nd"
)

// conv: Conv and ConvTranspose (opset 1 and 11), one to three spatial axes.

// conv returns the convolution of x [N,C,in…] with weights [OC,C/G,kernel…],
// plus a bias [OC] unless it is nil.
//
// The gradient with respect to the input is the transposed convolution of gy;
// that with respect to the weights correlates input and gy; that with respect
// to the bias sums gy.
func (b *Builder) conv(g kernel.Conv, x, weight, bias *Value) *Value {
	in := []*Value{x, weight}
	if bias != nil {
		in = append(in, bias)
	}
	return b.emit(nd.Float32, append([]int{g.Batch, g.OutChannels}, g.Out...), Op{
		name:   "Conv",
		kernel: &convKernel{g},
		diff: func(_, gy *Value) []*Value {
			gx, gw := b.convTranspose(g, gy, weight), b.convWeight(g, x, gy)
			if k, ok := kernelOf[*convTransposeKernel](gx); ok {
				k.weight = gw.op
			}
			grads := []*Value{gx, gw}
			if bias != nil {
				grads = append(grads, b.convBias(g, gy, gw.op))
			}
			return grads
		},
	}, in...)
}

// convKernel is a convolution, with a bias if there are three inputs.
type convKernel struct{ conv kernel.Conv }

func (k *convKernel) Run(w *kernel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *convKernel) RunEpilogue(w *kernel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	var bias []float32
	if len(in) > 2 {
		bias = in[2].Float32s()
	}
	g := k.conv
	g.Then, g.Reads, g.Limits = e.Run, e.Reads, e.Clamp
	g.Forward(w, in[0].Float32s(), in[1].Float32s(), bias, out.Float32s())
}

// ClampsOutput: see ClampingEpilogued.
func (k *convKernel) ClampsOutput() {}

// convTranspose is the adjoint of conv in its input: gy [N,OC,out…] and weights
// give [N,C,in…].
func (b *Builder) convTranspose(g kernel.Conv, gy, weight *Value) *Value {
	return b.emit(nd.Float32, append([]int{g.Batch, g.InChannels}, g.In...), Op{
		name:   "ConvTranspose",
		kernel: &convTransposeKernel{conv: g},
		diff: func(_, gx *Value) []*Value {
			return []*Value{b.conv(g, gx, weight, nil), b.convWeight(g, gx, gy)}
		},
	}, gy, weight)
}

// convTransposeKernel is the transposed convolution.
type convTransposeKernel struct {
	conv kernel.Conv
	// weight is the operator of the gradient by the weights, if this one is the
	// gradient by the input, of the same convolution; else nil.
	weight *Op
}

func (k *convTransposeKernel) Run(w *kernel.Workers, out nd.Array, in []nd.Array) {
	k.RunEpilogue(w, out, in, noEpilogue)
}

func (k *convTransposeKernel) RunEpilogue(w *kernel.Workers, out nd.Array, in []nd.Array, e Epilogue) {
	g := k.conv
	g.Then, g.Reads = e.Run, e.Reads
	g.GradInput(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
}

// convWeight is the adjoint of conv in its weights.
func (b *Builder) convWeight(g kernel.Conv, x, gy *Value) *Value {
	return b.emit(nd.Float32, append([]int{g.OutChannels, g.InChannels / g.Group}, g.Kernel...), Op{
		name:   "ConvWeight",
		kernel: &convWeightKernel{g},
	}, x, gy)
}

// convWeightKernel computes the gradient by the weights of a convolution from its
// input and gy. Those by the bias and by the input can be its companions.
type convWeightKernel struct{ conv kernel.Conv }

func (k *convWeightKernel) Run(w *kernel.Workers, out nd.Array, in []nd.Array) {
	k.conv.GradWeight(w, in[0].Float32s(), in[1].Float32s(), out.Float32s(), nil)
}

func (k *convWeightKernel) RunFused(w *kernel.Workers, out nd.Array, in []nd.Array, companions []CompanionRun) {
	c := convGradients{Conv: k.conv}
	for _, r := range companions {
		r.Kernel.(convCompanion).addTo(&c, r.Out, r.In)
	}
	if c.gx == nil {
		c.GradWeight(w, in[0].Float32s(), in[1].Float32s(), out.Float32s(), c.gb)
	} else {
		c.Gradients(w, in[0].Float32s(), in[1].Float32s(), c.weight, c.gx, out.Float32s(), c.gb)
	}
}

// convGradients is a convolution whose gradients are computed with that of the
// weights: by the bias if gb is not nil, and by the input if gx is not nil.
type convGradients struct {
	kernel.Conv
	gb, gx, weight []float32
}

// convCompanion is a companion of convWeightKernel.
type convCompanion interface {
	Companion
	// addTo adds its output to the gradients that are computed together.
	addTo(c *convGradients, out nd.Array, in []nd.Array)
}

// convBias is the adjoint of conv in its bias. It is a companion of weight, the
// gradient by the weights.
func (b *Builder) convBias(g kernel.Conv, gy *Value, weight *Op) *Value {
	return b.emit(nd.Float32, []int{g.OutChannels}, Op{
		name:   "ConvBias",
		kernel: &convBiasKernel{companion{weight}, g},
	}, gy)
}

// convBiasKernel sums gy over all but its channels.
type convBiasKernel struct {
	companion
	conv kernel.Conv
}

func (k *convBiasKernel) Run(w *kernel.Workers, out nd.Array, in []nd.Array) {
	k.conv.GradBias(w, in[0].Float32s(), out.Float32s())
}

func (k *convBiasKernel) addTo(c *convGradients, out nd.Array, _ []nd.Array) { c.gb = out.Float32s() }

// addChannels adds a bias [C] to x [N,C,…].
func (b *Builder) addChannels(x, bias *Value) *Value {
	return b.Add(x, b.alongChannels(bias, x.Rank()))
}

// alongChannels reshapes a vector [C] so that it is repeated along axis 1 of a
// value of the given rank.
func (b *Builder) alongChannels(v *Value, rank int) *Value {
	shape := slices.Repeat([]int{1}, rank-1)
	shape[0] = v.Len()
	return b.Reshape(v, shape...)
}

// window holds what sliding-window operators have in common.
type window struct {
	kernel, stride, dilation, pad, padEnd []int
	autoPad                               string
}

// window reads the attributes kernel_shape, strides, dilations, pads and auto_pad.
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

// maxWindow bounds what describes a window, so that products of two do not overflow.
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

// Besides the values themselves, the kernels of convolutions keep tables and
// sums for each position, and for each way that positions can lie to strides.
const (
	positionElements = 16 // float32s in the same memory
	phaseElements    = 160
)

// settle takes the stride from axes with a single window, where it says nothing,
// and refuses what the kernels would need too much memory for.
func (c *Call) settle(w *window, windows, extent []int) {
	for i, n := range windows {
		if n == 1 {
			w.stride[i] = 1
		}
	}
	c.checkSize("padded input", extent)
	c.checkSize("strides", append([]int{phaseElements}, w.stride...))
}

// fit settles the padding and returns the output's spatial shape for x [N,C,in…].
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

var convolution = family{
	"Conv":          {1, buildConv},
	"ConvTranspose": {1, buildConvTranspose},
}

func buildConv(c *Call) []*Value {
	x, weight := c.Float(0), c.Float(1)
	if x.Rank() < 3 || x.Rank() != weight.Rank() {
		c.fail("input of shape %v and weights of shape %v", x.Shape, weight.Shape)
	}
	w := c.window(weight.Shape[2:])
	group := c.Int("group", 1)
	if group < 1 || weight.Len() == 0 || x.Shape[1] != weight.Shape[1]*group || weight.Shape[0]%group != 0 {
		c.fail("input of shape %v and weights of shape %v in %d groups", x.Shape, weight.Shape, group)
	}
	out := c.fit(&w, x, false)
	return []*Value{c.conv(kernel.Conv{
		Batch: x.Shape[0], Group: group, InChannels: x.Shape[1], OutChannels: weight.Shape[0],
		In: x.Shape[2:], Kernel: w.kernel, Out: out, Stride: w.stride, Dilation: w.dilation, Pad: w.pad,
	}, x, weight, c.biasInput(weight.Shape[0]))}
}

// biasInput returns input 2, a bias for the given number of channels, or nil.
func (c *Call) biasInput(channels int) *Value {
	if c.Optional(2) == nil {
		return nil
	}
	bias := c.Float(2)
	if bias.Len() != channels {
		c.fail("bias of shape %v for %d channels", bias.Shape, channels)
	}
	return c.Reshape(bias, channels)
}

func buildConvTranspose(c *Call) []*Value {
	x, weight := c.Float(0), c.Float(1) // weight [C, OC/G, kernel…]
	if x.Rank() < 3 || x.Rank() != weight.Rank() {
		c.fail("input of shape %v and weights of shape %v", x.Shape, weight.Shape)
	}
	w := c.window(weight.Shape[2:])
	group := c.Int("group", 1)
	if group < 1 || weight.Len() == 0 || x.Shape[1] != weight.Shape[0] || weight.Shape[0]%group != 0 {
		c.fail("input of shape %v and weights of shape %v in %d groups", x.Shape, weight.Shape, group)
	}
	n := len(w.kernel)
	extra := c.perAxis("output_padding", n, 0)
	wanted := c.IntsAttr("output_shape")
	if wanted != nil && len(wanted) != n {
		c.fail("output_shape %v for %d spatial axes", wanted, n)
	}
	out := make([]int, n)
	reached := []int{max(weight.Shape[1], positionElements)}
	for i, in := range x.Shape[2:] {
		if extra[i] < 0 || extra[i] > maxWindow {
			c.fail("output_padding %v", extra)
		}
		full := (in-1)*w.stride[i] + w.dilation[i]*(w.kernel[i]-1) + 1 + extra[i]
		reached = append(reached, max(0, full))
		switch {
		case wanted != nil:
			out[i] = wanted[i]
		case w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER":
			out[i] = in * w.stride[i]
		default:
			out[i] = full - w.pad[i] - w.padEnd[i]
		}
		if wanted != nil || w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER" {
			total := max(0, full-out[i]) // what no window reaches is zero
			w.pad[i] = total / 2
			if w.autoPad != "SAME_UPPER" {
				w.pad[i] = total - total/2
			}
		}
		if out[i] < 1 {
			c.fail("output of %d elements on spatial axis %d", out[i], i)
		}
	}
	c.settle(&w, x.Shape[2:], reached)
	y := c.convTranspose(kernel.Conv{
		Batch: x.Shape[0], Group: group, InChannels: weight.Shape[1] * group, OutChannels: x.Shape[1],
		In: out, Kernel: w.kernel, Out: x.Shape[2:], Stride: w.stride, Dilation: w.dilation, Pad: w.pad,
	}, x, weight)
	if bias := c.biasInput(weight.Shape[1] * group); bias != nil {
		y = c.addChannels(y, bias)
	}
	return []*Value{y}
}
