package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/resample"
	"github.com/advparams/advparams/nd"
)

// gridsample: GridSample (opset 16; any number of axes: 20). The gradient by the
// image is added to the elements that were read. The gradient by the points comes
// from the slope of the interpolation, which is zero for nearest neighbours.

func (b *Builder) gridSample(g resample.GridSample, x, grid *Value) *Value {
	return b.emit(nd.Float32, append([]int{g.Batch, g.Channels}, g.Out...), Op{
		name: "GridSample",
		kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
			g.Forward(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
		}),
		diff: func(_, gy *Value) []*Value {
			gx := b.emit(nd.Float32, x.Shape, Op{
				name: "GridSample.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					g.GradInput(w, in[0].Float32s(), in[1].Float32s(), out.Float32s())
				}),
			}, grid, gy)
			ggrid := b.emit(nd.Float32, grid.Shape, Op{
				name: "GridSample.grad",
				kernel: runFunc(func(w *parallel.Workers, out nd.Array, in []nd.Array) {
					g.GradGrid(w, in[0].Float32s(), in[1].Float32s(), in[2].Float32s(), out.Float32s())
				}),
			}, x, grid, gy)
			return []*Value{gx, ggrid}
		},
	}, x, grid)
}

func buildGridSample(c *Call) []*Value {
	x, grid := c.Float(0), c.Float(1)
	r := x.Rank() - 2
	if r < 1 || grid.Rank() != x.Rank() || grid.Shape[0] != x.Shape[0] || grid.Shape[r+1] != r {
		c.fail("points of shape %v for images of shape %v", grid.Shape, x.Shape)
	}
	if r > 3 {
		unsupported("%d spatial axes (1 to 3 are)", r)
	}
	g := resample.GridSample{
		Batch: x.Shape[0], Channels: x.Shape[1], In: x.Shape[2:], Out: grid.Shape[1 : r+1],
		AlignCorners: c.Bool("align_corners", false),
	}
	if slices.Contains(g.In, 0) {
		c.fail("images of shape %v are empty", x.Shape)
	}
	switch mode := c.String("mode", "linear"); mode {
	case "nearest":
		g.Mode = resample.SampleNearest
	case "linear", "bilinear":
		g.Mode = resample.SampleLinear
	case "cubic", "bicubic":
		g.Mode = resample.SampleCubic
	default:
		c.fail("mode %q", mode)
	}
	switch padding := c.String("padding_mode", "zeros"); padding {
	case "zeros":
		g.Padding = resample.PadZeros
	case "border":
		g.Padding = resample.PadBorder
	case "reflection":
		g.Padding = resample.PadReflection
	default:
		c.fail("padding_mode %q", padding)
	}
	return []*Value{c.gridSample(g, x, grid)}
}

var gridSamples = family{
	"GridSample": {16, buildGridSample},
	"RoiAlign":   {10, buildRoiAlign},
	"DeformConv": {19, buildDeformConv},
}
