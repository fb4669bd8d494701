package ops

// spatial: DepthToSpace (opset 1; CRD order: 11), SpaceToDepth (CRD: 28). Both move
// elements between channels and space, by one transposition of an image with split
// axes.

// blocks returns the attribute blocksize and the shape of an image.
func (c *Call) blocks() (size, n, channels, height, width int) {
	x, size := c.Input(0), c.Int("blocksize", 0)
	if x.Rank() != 4 {
		c.fail("input of shape %v is not [batch, channels, height, width]", x.Shape)
	}
	if size < 1 || size > maxElements {
		c.fail("blocksize %d", size)
	}
	return size, x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
}

func buildDepthToSpace(c *Call) []*Value {
	s, n, channels, h, w := c.blocks()
	if channels%(s*s) != 0 {
		c.fail("%d channels in blocks of %d × %d", channels, s, s)
	}
	d := channels / (s * s)
	x := c.Input(0)
	switch mode := c.String("mode", "DCR"); mode {
	case "DCR":
		x = c.Transpose(c.Reshape(x, n, s, s, d, h, w), 0, 3, 4, 1, 5, 2)
	case "CRD":
		x = c.Transpose(c.Reshape(x, n, d, s, s, h, w), 0, 1, 4, 2, 5, 3)
	default:
		c.fail("mode %q", mode)
	}
	return []*Value{c.Reshape(x, n, d, h*s, w*s)}
}

func buildSpaceToDepth(c *Call) []*Value {
	s, n, channels, h, w := c.blocks()
	if h%s != 0 || w%s != 0 {
		c.fail("an image of %d × %d in blocks of %d × %d", h, w, s, s)
	}
	x := c.Reshape(c.Input(0), n, channels, h/s, s, w/s, s)
	switch mode := c.String("mode", "DCR"); mode {
	case "DCR":
		x = c.Transpose(x, 0, 3, 5, 1, 2, 4)
	case "CRD":
		x = c.Transpose(x, 0, 1, 3, 5, 2, 4)
	default:
		c.fail("mode %q", mode)
	}
	return []*Value{c.Reshape(x, n, channels*s*s, h/s, w/s)}
}

var spatial = family{
	"DepthToSpace": {1, buildDepthToSpace},
	"SpaceToDepth": {1, buildSpaceToDepth},
}
