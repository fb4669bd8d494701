package ops

import (
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// shape: operators that return shapes or change them: Shape, Size, Reshape,
// Flatten, Squeeze, Unsqueeze, Transpose, Slice, Concat, Split, Expand, Tile.

func (b *Builder) squeeze(x *Value, axes []int) *Value {
	var shape []int
	for i, n := range x.Shape {
		if !slices.Contains(axes, i) {
			shape = append(shape, n)
		} else if n != 1 {
			fail("axis %d of shape %v is not 1", i, x.Shape)
		}
	}
	return b.Reshape(x, shape...)
}

func (b *Builder) unsqueeze(x *Value, axes []int) *Value {
	shape := slices.Clone(x.Shape)
	for _, a := range axes { // ascending
		shape = slices.Insert(shape, a, 1)
	}
	return b.Reshape(x, shape...)
}

func buildReshape(c *Call) []*Value {
	x := c.Input(0)
	var shape []int
	if !c.From(5) {
		shape = c.IntsAttr("shape")
	} else {
		shape = c.KnownInts(1)
	}
	unknown := -1
	for i, d := range shape {
		switch {
		case d == 0 && !c.Bool("allowzero", false):
			if i >= x.Rank() {
				c.fail("target %v copies axis %d of %v", shape, i, x.Shape)
			}
			shape[i] = x.Shape[i]
		case d == -1 && unknown < 0:
			unknown = i
		case d < 0:
			c.fail("target shape %v", shape)
		}
	}
	if unknown >= 0 {
		shape[unknown] = 1
		rest, err := nd.CheckedSize(shape)
		if err != nil || rest == 0 || x.Len()%rest != 0 {
			c.fail("cannot reshape %v to %v", x.Shape, shape)
		}
		shape[unknown] = x.Len() / rest
	}
	if n, err := nd.CheckedSize(shape); err != nil || n != x.Len() {
		c.fail("cannot reshape %v to %v", x.Shape, shape)
	}
	return []*Value{c.Reshape(x, shape...)}
}

func buildFlatten(c *Call) []*Value {
	x := c.Input(0)
	axis := c.Int("axis", 1)
	if axis != x.Rank() {
		axis = c.Axis(axis, x.Rank())
	}
	return []*Value{c.Reshape(x, nd.Size(x.Shape[:axis]), nd.Size(x.Shape[axis:]))}
}

func buildSqueeze(c *Call) []*Value {
	x := c.Input(0)
	axes := c.IntsInputOrAttr(1, "axes")
	if axes == nil {
		for i, n := range x.Shape {
			if n == 1 {
				axes = append(axes, i)
			}
		}
	}
	return []*Value{c.squeeze(x, c.Axes(axes, x.Rank()))}
}

func buildUnsqueeze(c *Call) []*Value {
	x := c.Input(0)
	axes := c.IntsInputOrAttr(1, "axes")
	return []*Value{c.unsqueeze(x, c.Axes(axes, x.Rank()+len(axes)))}
}

func buildTranspose(c *Call) []*Value {
	x := c.Input(0)
	perm := c.IntsAttr("perm")
	if perm == nil {
		perm = axesUpTo(x.Rank())
		slices.Reverse(perm)
	}
	if len(perm) != x.Rank() {
		c.fail("perm %v for a value of shape %v", perm, x.Shape)
	}
	c.Axes(perm, x.Rank()) // in range, each once
	for i := range perm {
		perm[i] = c.Axis(perm[i], x.Rank())
	}
	return []*Value{c.Transpose(x, perm...)}
}

// buildSlice builds a Slice. starts and ends are attributes before opset 10.
func buildSlice(c *Call) []*Value {
	x := c.Input(0)
	var starts, ends, axes, steps []int
	if !c.From(10) {
		starts, ends, axes = c.IntsAttr("starts"), c.IntsAttr("ends"), c.IntsAttr("axes")
	} else {
		starts, ends = c.KnownInts(1), c.KnownInts(2)
		if c.Optional(3) != nil {
			axes = c.KnownInts(3)
		}
		if c.Optional(4) != nil {
			steps = c.KnownInts(4)
		}
	}
	if axes == nil {
		axes = axesUpTo(len(starts))
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts) {
		c.fail("%d starts, %d ends, %d axes and %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	c.Axes(axes, x.Rank())
	for i, a := range axes {
		a = c.Axis(a, x.Rank())
		start, count := c.sliceRange(starts[i], ends[i], steps[i], x.Shape[a])
		x = c.Slice(x, a, start, count, steps[i])
	}
	return []*Value{x}
}

// sliceRange applies numpy's rules for start, end and step on an axis of n.
func (c *Call) sliceRange(start, end, step, n int) (first, count int) {
	if step == 0 {
		c.fail("a step of 0")
	}
	// The range to which start and end are clamped depends on the direction.
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	clamp := func(i int) int {
		if i < 0 && i > math.MinInt+n {
			i += n
		}
		return min(max(i, low), high)
	}
	start, end = clamp(start), clamp(end)
	if step > 0 {
		count = (end - start + step - 1) / step
	} else {
		count = (start - end - step - 1) / -step
	}
	if count <= 0 {
		return 0, 0
	}
	return start, count
}

func buildConcat(c *Call) []*Value {
	c.Input(0)
	axis := c.Axis(c.Int("axis", 1), c.Input(0).Rank())
	xs := make([]*Value, c.NumInputs())
	for i := range xs {
		xs[i] = c.Input(i)
	}
	return []*Value{c.Concat(axis, xs...)}
}

// buildSplit builds a Split. The lengths are an attribute before opset 13. From 18
// on, num_outputs asks for equal parts, of which the last may be smaller.
func buildSplit(c *Call) []*Value {
	x := c.Input(0)
	axis := c.Axis(c.Int("axis", 0), x.Rank())
	parts := c.IntsInputOrAttr(1, "split")
	n := x.Shape[axis]
	if parts == nil {
		k := c.Int("num_outputs", c.NumOutputs())
		if k < 1 || k != c.NumOutputs() {
			c.fail("num_outputs of %d in a node with %d", k, c.NumOutputs())
		}
		size := (n + k - 1) / k
		for left := n; len(parts) < k; left -= size {
			parts = append(parts, max(0, min(size, left)))
		}
	}
	if len(parts) < c.NumOutputs() {
		c.fail("parts %v of an axis of %d in %d outputs", parts, n, c.NumOutputs())
	}
	return c.split(x, axis, parts)
}

// split cuts an axis into parts of the given lengths, whose sum is the axis's
// length.
func (c *Call) split(x *Value, axis int, parts []int) []*Value {
	var out []*Value
	start, n := 0, x.Shape[axis]
	for _, p := range parts {
		if p < 0 || p > n-start {
			c.fail("parts %v of an axis of %d", parts, n)
		}
		out = append(out, c.Slice(x, axis, start, p, 1))
		start += p
	}
	if start != n {
		c.fail("parts %v of an axis of %d", parts, n)
	}
	return out
}

func buildExpand(c *Call) []*Value {
	x := c.Input(0)
	shape := c.KnownInts(1)
	return []*Value{c.Expand(x, broadcastShape("Expand", x.Shape, shape))}
}

// buildTile repeats the whole array along each axis. An axis of n repeated r times
// is [r, n] expanded from [1, n].
func buildTile(c *Call) []*Value {
	x := c.Input(0)
	repeats := c.KnownInts(1)
	if len(repeats) != x.Rank() {
		c.fail("%d repeats for a value of shape %v", len(repeats), x.Shape)
	}
	var split, wide, final []int
	for i, r := range repeats {
		if r < 0 {
			c.fail("repeats %v", repeats)
		}
		split = append(split, 1, x.Shape[i])
		wide = append(wide, r, x.Shape[i])
		final = append(final, r*x.Shape[i])
	}
	return []*Value{c.Reshape(c.Expand(c.Reshape(x, split...), wide), final...)}
}

// buildShape returns the shape, or the part of it from start to end (opset 15).
func buildShape(c *Call) []*Value {
	n := c.Input(0).Rank()
	clamp := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	start, end := clamp(c.Int("start", 0)), clamp(c.Int("end", n))
	return []*Value{c.Ints(c.Input(0).Shape[start:max(start, end)]...)}
}

var shapes = family{
	"Shape":     {1, buildShape},
	"Size":      {1, func(c *Call) []*Value { return []*Value{c.Const(nd.Scalar(int64(c.Input(0).Len())))} }},
	"Reshape":   {1, buildReshape},
	"Flatten":   {1, buildFlatten},
	"Squeeze":   {1, buildSqueeze},
	"Unsqueeze": {1, buildUnsqueeze},
	"Transpose": {1, buildTranspose},
	"Slice":     {1, buildSlice},
	"Concat":    {1, buildConcat},
	"Split":     {1, buildSplit},
	"Expand":    {8, buildExpand},
	"Tile":      {6, buildTile},
}
