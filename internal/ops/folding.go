package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
)

// folding: Col2Im (opset 18), AffineGrid (opset 20).

// buildCol2Im adds overlapping blocks [N, C·block elements, blocks] into an image.
// This is the adjoint of the view that cuts a padded image into such blocks.
func buildCol2Im(c *Call) []*Value {
	x := c.Float(0)
	image, block := c.KnownInts(1), c.KnownInts(2)
	r := len(image)
	dilations, strides := c.perAxis("dilations", r, 1), c.perAxis("strides", r, 1)
	pads := c.IntsAttr("pads")
	if pads == nil {
		pads = make([]int, 2*r)
	}
	if x.Rank() != 3 || len(block) != r || len(pads) != 2*r || slices.ContainsFunc(slices.Concat(image, block), func(d int) bool { return d < 1 || d > maxElements }) {
		c.fail("blocks of %v, given as %v, for an image of %v with padding %v", block, x.Shape, image, pads)
	}
	padded, counts := slices.Clone(image), make([]int, r)
	for i := range image {
		if dilations[i] < 1 || strides[i] < 1 || min(pads[i], pads[r+i]) < 0 {
			c.fail("dilations %v, strides %v, pads %v", dilations, strides, pads)
		}
		padded[i] += pads[i] + pads[r+i]
		span := padded[i] - dilations[i]*(block[i]-1) - 1
		if dilations[i] > padded[i] || span < 0 {
			c.fail("blocks of %v do not fit into an image of %v", block, image)
		}
		counts[i] = span/strides[i] + 1
	}
	n, elements := x.Shape[0], nd.Size(block)
	channels := x.Shape[1] / elements
	if x.Shape[1] != channels*elements || x.Shape[2] != nd.Size(counts) {
		c.fail("%v where blocks of %v at %v places are expected", x.Shape, block, counts)
	}
	whole := append([]int{n, channels}, padded...)
	c.checkSize("Col2Im", whole)
	s := nd.Strides(whole)
	v := strided.View{Shape: slices.Concat([]int{n, channels}, block, counts), Stride: s[:2:2]}
	for i := range block {
		v.Stride = append(v.Stride, s[2+i]*dilations[i])
	}
	for i := range counts {
		v.Stride = append(v.Stride, s[2+i]*strides[i])
	}
	y := c.viewSum("Col2Im", c.Reshape(x, v.Shape...), whole, v)
	for i, d := range image {
		y = c.Slice(y, 2+i, pads[i], d, 1)
	}
	return []*Value{y}
}

// buildAffineGrid applies an affine map to the coordinates of an image's points.
// Coordinates range from -1 to 1, between the centres of the first and the last
// point if align_corners, and else between their outer edges.
func buildAffineGrid(c *Call) []*Value {
	theta, size := c.Float(0), c.KnownInts(1)
	r := len(size) - 2
	if r != 2 && r != 3 || !slices.Equal(theta.Shape, []int{size[0], r, r + 1}) {
		c.fail("maps of shape %v for images of %v", theta.Shape, size)
	}
	space := size[2:]
	c.checkSize("AffineGrid", space)
	points := nd.Size(space)
	base := c.zeros("AffineGrid", nd.Float32, points, r+1)
	a, _ := base.Constant()
	for p := range points {
		row, rest := a.Float32s()[p*(r+1):(p+1)*(r+1)], p
		row[r] = 1
		for k := range r { // x, the last axis of the image, comes first
			d := space[r-1-k]
			row[k] = coordinate(rest%d, d, c.Bool("align_corners", false))
			rest /= d
		}
	}
	grid := c.MatMul(base, c.SwapLast(theta))
	return []*Value{c.Reshape(grid, append(append([]int{size[0]}, space...), r)...)}
}

// coordinate returns the coordinate, between -1 and 1, of point i of n.
func coordinate(i, n int, corners bool) float32 {
	switch {
	case !corners:
		return (2*float32(i)+1)/float32(n) - 1
	case n == 1:
		return 0
	}
	return 2*float32(i)/float32(n-1) - 1
}

var foldings = family{
	"Col2Im":     {18, buildCol2Im},
	"AffineGrid": {20, buildAffineGrid},
}
