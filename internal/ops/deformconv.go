package ops

import (
	"github.com/advparams/advparams/internal/kernel/resample"
	"github.com/advparams/advparams/nd"
)

// deformconv: DeformConv (opset 19), of images. A weight is multiplied with the image at its
// place in the window plus an offset, interpolated between four elements, and zero outside.
// The image is sampled as GridSample does it for each group of offsets, and the samples are
// multiplied with the weights, so that gradients by all inputs are those of the parts.

func buildDeformConv(c *Call) []*Value {
	x, weight, offset := c.Float(0), c.Float(1), c.Float(2)
	if x.Rank() != 4 || weight.Rank() != 4 || offset.Rank() != 4 {
		if x.Rank() != 4 && x.Rank() > 2 && x.Rank() == weight.Rank() {
			unsupported("%d spatial axes (2 are)", x.Rank()-2)
		}
		c.fail("input of shape %v, weights of shape %v and offsets of shape %v", x.Shape, weight.Shape, offset.Shape)
	}
	w := c.window(weight.Shape[2:])
	group, groups := c.Int("group", 1), c.Int("offset_group", 1)
	if group < 1 || weight.Len() == 0 || x.Len() == 0 || x.Shape[1] != weight.Shape[1]*group || weight.Shape[0]%group != 0 {
		c.fail("input of shape %v and weights of shape %v in %d groups", x.Shape, weight.Shape, group)
	}
	if groups < 1 || x.Shape[1]%groups != 0 {
		c.fail("%d channels in %d groups of offsets", x.Shape[1], groups)
	}
	out := c.fit(&w, x, false)
	n, channels, height, width := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	taps, places := w.kernel[0]*w.kernel[1], out[0]*out[1]
	c.shaped(offset, "offsets", n, groups*taps*2, out[0], out[1])

	// Points [N·groups, taps, places, 2], y first.
	base := nd.New(nd.Float32, 1, taps, places, 2)
	for k := range taps {
		for p := range places {
			at := base.Float32s()[(k*places+p)*2:]
			at[0] = float32(p/out[1]*w.stride[0] - w.pad[0] + k/w.kernel[1]*w.dilation[0])
			at[1] = float32(p%out[1]*w.stride[1] - w.pad[1] + k%w.kernel[1]*w.dilation[1])
		}
	}
	points := c.Transpose(c.Reshape(offset, n*groups, taps, 2, places), 0, 1, 3, 2)
	points = c.Add(points, c.Const(base))
	// GridSample has x first, and ±1 at the outer edges of an image.
	size := c.Const(nd.Of([]float32{2 / float32(height), 2 / float32(width)}, 2))
	edge := c.Const(nd.Of([]float32{1/float32(height) - 1, 1/float32(width) - 1}, 2))
	points = c.Add(c.Mul(points, size), edge)
	points = c.Concat(3, c.Slice(points, 3, 1, 1, 1), c.Slice(points, 3, 0, 1, 1))
	sampled := c.gridSample(resample.GridSample{
		Batch: n * groups, Channels: channels / groups, In: x.Shape[2:], Out: []int{taps, places},
		Mode: resample.SampleLinear, Padding: resample.PadZeros,
	}, c.Reshape(x, n*groups, channels/groups, height, width), points)
	if c.Optional(4) != nil {
		mask := c.Float(4)
		c.shaped(mask, "a mask", n, groups*taps, out[0], out[1])
		sampled = c.Mul(sampled, c.Reshape(mask, n*groups, 1, taps, places))
	}

	columns := c.Reshape(sampled, n, group, channels/group*taps, places)
	rows := c.Reshape(weight, 1, group, weight.Shape[0]/group, channels/group*taps)
	y := c.Reshape(c.MatMul(rows, columns), n, weight.Shape[0], out[0], out[1])
	if c.Optional(3) != nil {
		bias := c.Float(3)
		if bias.Len() != weight.Shape[0] {
			c.fail("bias of shape %v for %d channels", bias.Shape, weight.Shape[0])
		}
		y = c.addChannels(y, bias)
	}
	return []*Value{y}
}

// shaped ends the build if a value does not have a shape.
func (c *Call) shaped(v *Value, what string, shape ...int) {
	if v.Rank() != len(shape) {
		c.fail("%s of shape %v; %v is expected", what, v.Shape, shape)
	}
	for i, n := range shape {
		if v.Shape[i] != n {
			c.fail("%s of shape %v; %v is expected", what, v.Shape, shape)
		}
	}
}
