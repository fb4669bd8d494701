package ops

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
)

// roialign: RoiAlign (opset 10; half_pixel: 16). Each region of an image is cut into cells.
// A cell is the mean, or the maximum, of points on a grid in it, which are interpolated
// between four elements of the image. The gradient by the image goes the same way back.
// The positions of regions have none.

// roiAlign describes the call: x [N, C, H, W], regions [R, 4] and their images [R].
type roiAlign struct {
	channels, height, width int
	rows, columns           int // cells
	ratio                   int // points of a cell on each axis, 0 for one an element
	scale, shift            float32
	atLeast                 float32 // size of a region, at least
	largest                 bool
}

// tap is an element of a plane that takes part in a cell, with its weight.
type tap struct {
	at     int
	weight float32
}

// spot is one of the points of a cell: up to four taps.
type spot [4]tap

// along returns the two elements of an axis around a position, and the weight of the
// second. ok is false if the position is outside.
func (k *roiAlign) along(p float32, n int) (low, high int, w float32, ok bool) {
	if p < -1 || p > float32(n) || p != p {
		return 0, 0, 0, false
	}
	p = max(p, 0)
	low = int(p)
	if low >= n-1 {
		return n - 1, n - 1, 0, true
	}
	return low, low + 1, p - float32(low), true
}

// cell calls use with the points of cell (i, j) of a region, and returns their number.
func (k *roiAlign) cell(region []float32, i, j int, use func(s spot)) int {
	x1, y1 := region[0]*k.scale-k.shift, region[1]*k.scale-k.shift
	w := max(region[2]*k.scale-k.shift-x1, k.atLeast)
	h := max(region[3]*k.scale-k.shift-y1, k.atLeast)
	cw, ch := w/float32(k.columns), h/float32(k.rows)
	points := func(size float32) int {
		if k.ratio > 0 {
			return k.ratio
		}
		return int(math.Ceil(float64(size)))
	}
	m, n := points(ch), points(cw)
	for a := range m {
		top, bottom, v, in := k.along(y1+float32(i)*ch+(float32(a)+0.5)*ch/float32(m), k.height)
		for b := range n {
			left, right, u, also := k.along(x1+float32(j)*cw+(float32(b)+0.5)*cw/float32(n), k.width)
			var s spot
			if in && also {
				s = spot{{top*k.width + left, (1 - v) * (1 - u)}, {top*k.width + right, (1 - v) * u}, {bottom*k.width + left, v * (1 - u)}, {bottom*k.width + right, v * u}}
			}
			use(s)
		}
	}
	return m * n
}

// points returns how many points the cells of all regions have, in all channels.
func (k *roiAlign) points(regions []float32) float64 {
	if k.ratio > 0 {
		return count(len(regions)/4, k.channels, k.rows, k.columns, k.ratio, k.ratio)
	}
	n := 0.0
	for i := 0; i+4 <= len(regions); i += 4 {
		side := func(low, high float32, cells int) float64 {
			return math.Ceil(math.Max(float64((high-low)*k.scale), float64(k.atLeast))/float64(cells)) * float64(cells)
		}
		n += side(regions[i], regions[i+2], k.columns) * side(regions[i+1], regions[i+3], k.rows)
	}
	return n * float64(k.channels)
}

// each calls f for every cell of every channel of every region, region by region.
func (k *roiAlign) each(regions []float32, images []int64, f func(out, plane, i, j int, region []float32)) {
	out := 0
	for r, image := range images {
		for c := range k.channels {
			for i := range k.rows {
				for j := range k.columns {
					f(out, (int(image)*k.channels+c)*k.height*k.width, i, j, regions[4*r:4*r+4])
					out++
				}
			}
		}
	}
}

// value returns a cell of a plane: the mean of its points or, as onnxruntime has it, the
// largest product of an element and its weight, with the element's tap.
func (k *roiAlign) value(plane, region []float32, i, j int) (v float32, chosen tap, points int) {
	first := true
	points = k.cell(region, i, j, func(s spot) {
		for _, t := range s {
			p := plane[t.at] * t.weight
			if !k.largest {
				v += p
			} else if first || p > v {
				v, chosen, first = p, t, false
			}
		}
	})
	if !k.largest && points > 0 {
		v /= float32(points)
	}
	return v, chosen, points
}

// newRoiAlign reads the attributes of a node for an input of some shape.
func newRoiAlign(c *Call, shape []int) *roiAlign {
	k := &roiAlign{
		channels: shape[1], height: shape[2], width: shape[3], rows: c.Int("output_height", 1), columns: c.Int("output_width", 1),
		ratio: c.Int("sampling_ratio", 0), scale: c.Float32("spatial_scale", 1), atLeast: 1,
	}
	if k.rows < 1 || k.columns < 1 || k.ratio < 0 || k.ratio > 1<<10 {
		c.fail("%d×%d cells and a sampling_ratio of %d", k.rows, k.columns, k.ratio)
	}
	how := "output_half_pixel"
	if c.From(16) {
		how = c.String("coordinate_transformation_mode", "half_pixel")
	}
	switch how {
	case "half_pixel":
		k.shift, k.atLeast = 0.5, 0
	case "output_half_pixel":
	default:
		c.fail("coordinate_transformation_mode %q", how)
	}
	switch mode := c.String("mode", "avg"); mode {
	case "avg":
	case "max":
		k.largest = true
	default:
		c.fail("mode %q", mode)
	}
	return k
}

func buildRoiAlign(c *Call) []*Value {
	x, regions, images := c.Float(0), c.Float(1), c.Input(2)
	if x.Rank() != 4 || x.Len() == 0 || regions.Rank() != 2 || regions.Shape[1] != 4 || images.DType != nd.Int64 || images.Rank() != 1 || images.Len() != regions.Shape[0] {
		c.fail("an input of shape %v, regions of %v and batch indices of %v", x.Shape, regions.Shape, images.Shape)
	}
	k := newRoiAlign(c, x.Shape)
	limit := c.Limits.Work
	check := func(in []nd.Array) error {
		for _, v := range in[2].Int64s() {
			if v < 0 || v >= int64(x.Shape[0]) {
				return &IndexError{v, x.Shape[0]}
			}
		}
		for _, v := range in[1].Float32s() {
			if !(math.Abs(float64(v)*float64(k.scale)) < 1<<16) {
				return fmt.Errorf("a region at %v", v)
			}
		}
		if k.points(in[1].Float32s()) > float64(limit)/perElement {
			return &LimitError{Bound: BoundWork, Limit: limit, Operator: "RoiAlign"}
		}
		return nil
	}
	size := k.height * k.width
	return []*Value{c.emit(nd.Float32, []int{images.Len(), k.channels, k.rows, k.columns}, Op{
		name: "RoiAlign",
		kernel: checked{func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			x, y := in[0].Float32s(), out.Float32s()
			k.each(in[1].Float32s(), in[2].Int64s(), func(o, plane, i, j int, region []float32) {
				y[o], _, _ = k.value(x[plane:plane+size], region, i, j)
			})
		}, check},
		noGrad: []int{1},
		diff: func(_, gy *Value) []*Value {
			return []*Value{c.emit(nd.Float32, x.Shape, Op{
				name: "RoiAlign.grad",
				kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
					x, g, gx := in[0].Float32s(), in[3].Float32s(), out.Float32s()
					clear(gx)
					k.each(in[1].Float32s(), in[2].Int64s(), func(o, plane, i, j int, region []float32) {
						_, chosen, n := k.value(x[plane:plane+size], region, i, j)
						to := gx[plane : plane+size]
						if k.largest {
							to[chosen.at] += g[o] * chosen.weight
							return
						}
						k.cell(region, i, j, func(s spot) {
							for _, t := range s {
								to[t.at] += g[o] / float32(n) * t.weight
							}
						})
					})
				}),
			}, x, regions, images, gy), nil, nil}
		},
		more: perElement * count(images.Len(), k.channels, k.rows, k.columns, max(k.ratio, 1), max(k.ratio, 1)),
	}, x, regions, images)}
}
