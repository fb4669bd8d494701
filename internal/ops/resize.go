package ops

import (
	"cmp"
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// resize: Resize (opset 10; coordinate modes, cubic, sizes and crops: 11; axes,
// antialiasing and aspect ratios: 18) and Upsample (opset 7, 9). Interpolation is
// separable: each axis is multiplied by a sparse matrix (see resize_sampling.go),
// and the gradient by its transpose. Nearest neighbours are gathered.

// resizedAxis describes how one axis is resized.
type resizedAxis struct {
	axis, in, out int
	scale         float64
	length        float64 // in·scale, of which out may be the integer part
	start, end    float64 // the region of interest, as parts of the axis
}

// unchanged reports whether the elements along the axis stay as they are.
func (a resizedAxis) unchanged(crop bool) bool {
	return a.in == a.out && a.scale == 1 && !(crop && (a.start != 0 || a.end != 1))
}

// resize resizes one axis after another, and begins with those that shrink.
func (b *Builder) resize(x *Value, axes []resizedAxis, s sampling) *Value {
	shape := slices.Clone(x.Shape)
	for _, a := range axes {
		shape[a.axis] = a.out
	}
	b.checkSize("Resize", shape)
	if nd.Size(shape) == 0 {
		return b.zeros("Resize", x.DType, shape...)
	}
	axes = slices.SortedStableFunc(slices.Values(axes), func(p, q resizedAxis) int {
		return cmp.Compare(float64(p.out)/float64(p.in), float64(q.out)/float64(q.in))
	})
	for _, a := range axes {
		if a.in == 0 {
			fail("axis %d of %v is empty", a.axis, x.Shape)
		}
		if a.unchanged(s.crops()) {
			continue
		}
		x = b.sample(x, a, s)
	}
	return x
}

// sample resizes one axis.
func (b *Builder) sample(x *Value, a resizedAxis, s sampling) *Value {
	b.fold("Resize", nd.Int64, []int{a.out, 2})
	positions, outside := s.positions(a)
	var y *Value
	switch {
	case s.mode == "nearest":
		rows := make([]int, a.out)
		for i, p := range positions {
			rows[i] = int(min(max(s.round(p), 0), float64(a.in-1)))
		}
		y = b.Gather(x, b.Ints(rows...), a.axis)
	case x.DType == nd.Float32:
		reach, _ := s.reach(a)
		b.spend("Resize", 4*perElement*reach*float64(a.out))
		y = b.interpolate(x, a.axis, s.taps(a, positions))
	default:
		unsupported("mode %q for elements of type %v", s.mode, x.DType)
	}
	if slices.Contains(outside, true) {
		along := slices.Repeat([]int{1}, x.Rank())
		along[a.axis] = a.out
		y = b.Where(b.Const(nd.Of(outside, along...)), b.Cast(b.Scalar(s.extrapolation), x.DType), y)
	}
	return y
}

func buildResize(c *Call) []*Value {
	x := c.Input(0)
	if !c.From(11) {
		return []*Value{c.resize(x, c.scaled(axesUpTo(x.Rank()), c.KnownFloats(1)), c.upsampling())}
	}
	s := c.sampling()
	axes := axesUpTo(x.Rank())
	if given := c.IntsAttr("axes"); given != nil {
		c.Axes(given, x.Rank())
		for i, a := range given {
			given[i] = c.Axis(a, x.Rank())
		}
		axes = given
	}
	var list []resizedAxis
	switch {
	case c.Optional(2) != nil && c.Input(2).Len() > 0:
		list = c.scaled(axes, c.KnownFloats(2))
	case c.Optional(3) != nil:
		list = c.sized(axes, c.KnownInts(3))
	default:
		c.fail("neither scales nor sizes")
	}
	if s.crops() {
		c.regions(list)
	}
	return []*Value{c.resize(x, list, s)}
}

func buildUpsample(c *Call) []*Value {
	x := c.Input(0)
	scales := c.FloatsAttr("scales")
	if c.From(9) {
		scales = c.KnownFloats(1)
	}
	return []*Value{c.resize(x, c.scaled(axesUpTo(x.Rank()), scales), c.upsampling())}
}

// scaled returns the axes with lengths multiplied by scales, in float32 as
// onnxruntime does: 3 · 1.6666666 is 5.
func (c *Call) scaled(axes []int, scales []float32) []resizedAxis {
	if len(scales) != len(axes) {
		c.fail("%d scales for %d axes", len(scales), len(axes))
	}
	list := make([]resizedAxis, len(axes))
	for i, a := range axes {
		n, scale := c.Input(0).Shape[a], scales[i]
		out := math.Floor(float64(float32(n) * scale))
		if !(scale > 0 && out <= maxElements) {
			c.fail("scale %v on an axis of %d", scale, n)
		}
		list[i] = resizedAxis{axis: a, in: n, out: int(out), scale: float64(scale), length: float64(n) * float64(scale), end: 1}
	}
	return list
}

// sized returns the axes with the given lengths, or with the nearest ones that keep
// the aspect ratio of the input.
func (c *Call) sized(axes, sizes []int) []resizedAxis {
	if len(sizes) != len(axes) {
		c.fail("%d sizes for %d axes", len(sizes), len(axes))
	}
	list := make([]resizedAxis, len(axes))
	scales := make([]float64, len(axes))
	for i, a := range axes {
		n, out := c.Input(0).Shape[a], sizes[i]
		if n == 0 || out < 0 || out > maxElements {
			c.fail("size %d for an axis of %d", out, n)
		}
		scales[i] = float64(out) / float64(n)
		list[i] = resizedAxis{axis: a, in: n, out: out, scale: scales[i], length: float64(out), end: 1}
	}
	var common float64
	switch policy := c.String("keep_aspect_ratio_policy", "stretch"); {
	case policy == "stretch" || len(axes) == 0:
		return list
	case policy == "not_larger":
		common = slices.Min(scales)
	case policy == "not_smaller":
		common = slices.Max(scales)
	default:
		c.fail("keep_aspect_ratio_policy %q", policy)
	}
	for i := range list {
		a := &list[i]
		a.scale, a.length = common, common*float64(a.in)
		a.out = int(min(math.Floor(a.length+0.5), maxElements+1))
	}
	return list
}

// regions returns which part of each axis is resized.
func (c *Call) regions(list []resizedAxis) {
	roi := c.KnownFloats(1)
	if len(roi) != 2*len(list) {
		c.fail("%d numbers for the regions of interest of %d axes", len(roi), len(list))
	}
	for i := range list {
		list[i].start, list[i].end = float64(roi[i]), float64(roi[len(list)+i])
	}
}

var resizes = family{
	"Resize":   {10, buildResize},
	"Upsample": {7, buildUpsample},
}
