package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/nd"
)

// conv: Conv and ConvTranspose (opset 1 and 11), one to three spatial axes.

// conv returns the convolution of x [N,C,in…] with weights [OC,C/G,kernel…], plus a
// bias [OC] unless it is nil.
//
// The gradient by the input is the transposed convolution of gy. The gradient by
// the weights correlates the input with gy. The gradient by the bias sums gy.
func (b *Builder) conv(g conv.Conv, x, weight, bias *Value) *Value {
	in := []*Value{x, weight}
	if bias != nil {
		in = append(in, bias)
	}
	return b.emit(nd.Float32, append([]int{g.Batch, g.OutChannels}, g.Out...), Op{
		name:   "Conv",
		kernel: &convKernel{conv: g},
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

// convTranspose is the adjoint of conv in its input. It returns [N,C,in…] from gy
// [N,OC,out…] and the weights.
func (b *Builder) convTranspose(g conv.Conv, gy, weight *Value) *Value {
	return b.emit(nd.Float32, append([]int{g.Batch, g.InChannels}, g.In...), Op{
		name:   "ConvTranspose",
		kernel: &convTransposeKernel{conv: g},
		diff: func(_, gx *Value) []*Value {
			return []*Value{b.conv(g, gx, weight, nil), b.convWeight(g, gx, gy)}
		},
	}, gy, weight)
}

// convWeight is the adjoint of conv in its weights.
func (b *Builder) convWeight(g conv.Conv, x, gy *Value) *Value {
	return b.emit(nd.Float32, append([]int{g.OutChannels, g.InChannels / g.Group}, g.Kernel...), Op{
		name:   "ConvWeight",
		kernel: &convWeightKernel{g},
	}, x, gy)
}

// convBias is the adjoint of conv in its bias. It is a companion of weight, the
// gradient by the weights.
func (b *Builder) convBias(g conv.Conv, gy *Value, weight *Op) *Value {
	return b.emit(nd.Float32, []int{g.OutChannels}, Op{
		name:   "ConvBias",
		kernel: &convBiasKernel{companion{weight}, g},
	}, gy)
}

// addChannels adds a bias [C] to x [N,C,…].
func (b *Builder) addChannels(x, bias *Value) *Value {
	return b.Add(x, b.alongChannels(bias, x.Rank()))
}

// alongChannels reshapes a vector [C] so that it is broadcast along axis 1 of a
// value of the given rank.
func (b *Builder) alongChannels(v *Value, rank int) *Value {
	shape := slices.Repeat([]int{1}, rank-1)
	shape[0] = v.Len()
	return b.Reshape(v, shape...)
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
	return []*Value{c.conv(conv.Conv{
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
	y := c.convTranspose(conv.Conv{
		Batch: x.Shape[0], Group: group, InChannels: weight.Shape[1] * group, OutChannels: x.Shape[1],
		In: out, Kernel: w.kernel, Out: x.Shape[2:], Stride: w.stride, Dilation: w.dilation, Pad: w.pad,
	}, x, weight)
	if bias := c.biasInput(weight.Shape[1] * group); bias != nil {
		y = c.addChannels(y, bias)
	}
	return []*Value{y}
}
