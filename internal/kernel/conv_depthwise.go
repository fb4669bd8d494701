package kernel

// depthwise is a convolution of each channel with a square kernel of its own,
// of size 3 or 5 and with stride 1 or 2: those for which there are kernels in
// assembly. Lanes are the positions of a row.
type depthwise struct {
	*convPlan
	k, stride int
}

// newDepthwise returns the convolution as one, and whether it is.
func newDepthwise(p *convPlan) (*depthwise, bool) {
	k, s := p.kernel[2], p.stride[2]
	if !hasDepthwise() || p.ic != 1 || p.oc != 1 ||
		p.kernel != (vec3{1, k, k}) || p.stride != (vec3{1, s, s}) || p.dilation != (vec3{1, 1, 1}) ||
		p.in[0] != 1 || p.out[0] != 1 || p.pad[0] != 0 || (k != 3 && k != 5) || s > 2 || p.pad[1] >= k || p.pad[2] >= k {
		return nil, false
	}
	return &depthwise{p, k, s}, true
}

// depthwiseArgs is a call of an assembly kernel for some planes. For the
// forward kernels, y is written and bias holds a number for each plane, or one
// for all with a biasPlane of 0. For the weight kernels, y is gy, and w holds sums
// for the elements of the kernel, to which others are added: in runs of all nine or
// of five, with gaps up to a multiple of four.
type depthwiseArgs struct {
	planes           int
	x, w, y, bias    []float32
	xSize, ySize     vec3 // of a plane
	wPlane           int  // from plane to plane
	biasPlane        int
	top, left        int
	k, stride, lanes int
	masks            []uint32
	segments         int // vectors that a row of y is cut into
	gating
}

// depthwiseKernels is the assembly for depthwise convolutions.
type depthwiseKernels struct {
	forward, back, weight func(*depthwiseArgs) // back: gradients by the input with stride 2
}

func hasDepthwise() bool { return depthwiseCode() != nil }

// planes calls f for ranges of planes that are channels of one image, of at most so
// many elements unless a single one is larger.
func (d *depthwise) planes(w *Workers, most int, f func(image, channel, planes int)) {
	w.For(d.batch*d.group, grainOf(d.k*(d.xSize+d.ySize)), func(lo, hi int) {
		for lo < hi {
			n := min(hi-lo, d.group-lo%d.group, max(1, most/max(d.xSize, d.ySize)))
			f(lo/d.group, lo%d.group, n)
			lo += n
		}
	})
}

func (d *depthwise) forward(w *Workers, x, weight, bias, y []float32) {
	a := depthwiseArgs{xSize: d.in, ySize: d.out, wPlane: d.k * d.k, top: d.pad[1], left: d.pad[2], k: d.k, stride: d.stride}
	a.addMasks()
	if bias == nil {
		bias = []float32{0}
	} else {
		a.biasPlane = 1
	}
	d.planes(w, near, func(image, channel, planes int) {
		a, first := a, image*d.group+channel
		a.planes, a.gating = planes, d.limits.limited(planes*d.ySize)
		a.x, a.y = x[first*d.xSize:], y[first*d.ySize:]
		a.w, a.bias = weight[channel*a.wPlane:], bias[channel*a.biasPlane:]
		depthwiseCode().forward(&a)
		d.finished(first*d.ySize, (first+planes)*d.ySize)
	})
}

// addMasks chooses the width of vectors and computes the masks: for each
// segment of a row of y, those of the vectors of x that the kernels load and
// that of y.
func (a *depthwiseArgs) addMasks() {
	a.cut(a.ySize[2])
	for s := range a.segments {
		q := s * a.lanes
		at := a.stride*q - a.left
		if a.stride == 1 {
			for j := range a.k {
				a.addMask(at+j, a.xSize[2])
			}
		} else {
			for j := 0; j < a.k; j += 2 {
				a.addMask(at+j, a.xSize[2])
				a.addMask(at+j+a.lanes, a.xSize[2])
			}
		}
		a.addMask(q, a.ySize[2])
	}
}

// addBackMasks is addMasks for gradients with stride 2: each segment reads vectors
// of x and writes two of y.
func (a *depthwiseArgs) addBackMasks() {
	a.cut((a.ySize[2] + 1) / 2)
	for s := range a.segments {
		q := s * a.lanes
		for j := range (a.k + 1) / 2 {
			a.addMask(q-a.left+j, a.xSize[2])
		}
		a.addMask(2*q, a.ySize[2])
		a.addMask(2*q+a.lanes, a.ySize[2])
	}
}

// cut chooses the width of vectors for rows of n elements.
func (a *depthwiseArgs) cut(n int) {
	a.lanes = isaLanes()
	if n <= 8 {
		a.lanes = 8 // rather than half a vector
	}
	a.segments = (n + a.lanes - 1) / a.lanes
}

// addMask appends the mask of a vector from column at on, of size columns: a
// word of bits for 16 lanes, eight words of all ones or zeros for 8.
func (a *depthwiseArgs) addMask(at, size int) {
	var bits uint32
	for l := range a.lanes {
		inside := at+l >= 0 && at+l < size
		if inside {
			bits |= 1 << l
		}
		if a.lanes == 8 {
			a.masks = append(a.masks, -uint32(bits>>l&1))
		}
	}
	if a.lanes == 16 {
		a.masks = append(a.masks, bits)
	}
}
