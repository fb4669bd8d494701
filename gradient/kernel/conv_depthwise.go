package kernel

// depthwise is a convolution of each channel with a square kernel of its own,
// of size 3 or 5 and with stride 1 or 2: those for which there are kernels in
// assembly. Lanes are the positions of a row.
type depthwise struct {
	*convPlan
	k, stride int
}

// depthwise returns the convolution as one, if it is.
func (p *convPlan) depthwise() (*depthwise, bool) {
	k, s := p.kernel[2], p.stride[2]
	if isa.depthwise == nil || p.ic != 1 || p.oc != 1 ||
		p.kernel != (vec3{1, k, k}) || p.stride != (vec3{1, s, s}) || p.dilation != (vec3{1, 1, 1}) ||
		p.in[0] != 1 || p.out[0] != 1 || p.pad[0] != 0 || (k != 3 && k != 5) || s > 2 || p.pad[1] >= k || p.pad[2] >= k {
		return nil, false
	}
	return &depthwise{p, k, s}, true
}

// depthwiseArgs is a call of an assembly kernel for some planes. For the
// forward kernels, y is written and bias holds a number for each plane, or one
// for all with a biasPlane of 0. For the weight kernels, y is gy, and w holds a
// vector for each element of the kernel, to whose lanes products are added.
type depthwiseArgs struct {
	planes           int
	x, w, y, bias    []float32
	xSize, ySize     vec3 // of a plane
	wPlane           int  // from plane to plane
	biasPlane        int
	top, left        int
	k, stride, lanes int
	masks            []uint32
}

// near is how many elements may be computed before what follows reads them.
const near = 1 << 15

// planes calls f for ranges of planes that are channels of one image, small
// enough that what follows finds them in the second level of cache.
func (d *depthwise) planes(w *Workers, f func(image, channel, planes int)) {
	w.For(d.batch*d.group, grainOf(d.k*(d.xSize+d.ySize)), func(lo, hi int) {
		for lo < hi {
			n := min(hi-lo, d.group-lo%d.group, max(1, near/max(d.xSize, d.ySize)))
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
	d.planes(w, func(image, channel, planes int) {
		a, first := a, image*d.group+channel
		a.planes = planes
		a.x, a.y = x[first*d.xSize:], y[first*d.ySize:]
		a.w, a.bias = weight[channel*a.wPlane:], bias[channel*a.biasPlane:]
		isa.depthwise.forward(&a)
		d.finished(first*d.ySize, (first+planes)*d.ySize)
	})
}

// gradInput is a forward convolution of gy, pulled apart with zeros if the
// stride is 2, with the kernels turned round.
func (d *depthwise) gradInput(w *Workers, gy, weight, gx []float32) {
	taps := d.k * d.k
	turned := scratch(d.group * taps)
	defer release(turned)
	for i := range *turned {
		(*turned)[i] = weight[i/taps*taps+taps-1-i%taps]
	}
	a := depthwiseArgs{xSize: d.out, ySize: d.in, wPlane: taps, top: d.k - 1 - d.pad[1], left: d.k - 1 - d.pad[2], k: d.k, stride: 1, bias: []float32{0}}
	if d.stride == 2 {
		a.xSize[1], a.xSize[2] = 2*d.out[1], 2*d.out[2]
	}
	a.addMasks()
	d.planes(w, func(image, channel, planes int) {
		a, first := a, image*d.group+channel
		a.planes, a.w = planes, (*turned)[channel*taps:]
		a.x, a.y = gy[first*d.ySize:], gx[first*d.xSize:]
		defer d.finished(first*d.xSize, (first+planes)*d.xSize)
		if d.stride == 1 {
			isa.depthwise.forward(&a)
			return
		}
		const atOnce = 8 // planes
		apart := scratch(atOnce * 4 * d.ySize)
		defer release(apart)
		clear(*apart)
		for i := 0; i < planes; i += atOnce {
			b := a
			b.planes, b.w, b.y = min(atOnce, planes-i), a.w[i*taps:], a.y[i*d.xSize:]
			b.x = *apart
			d.pullApart(*apart, a.x[i*d.ySize:(i+b.planes)*d.ySize])
			isa.depthwise.forward(&b)
		}
	})
}

// pullApart copies the rows of gy to every other element of every other row.
func (d *depthwise) pullApart(apart, gy []float32) {
	if n := d.out[2]; isa.weave != nil && n >= 8 {
		zeros := scratch(n)
		defer release(zeros)
		clear(*zeros)
		for row := 0; row < len(gy); row += n {
			isa.weave(1, n, &gy[row], &(*zeros)[0], n, &apart[4*row], 2*n)
		}
		return
	}
	for row := 0; row < len(gy); row += d.out[2] {
		to := apart[4*row : 4*row+2*d.out[2]]
		for i, v := range gy[row : row+d.out[2]] {
			to[2*i] = v
		}
	}
}

func (d *depthwise) gradWeight(w *Workers, x, gy, gw []float32) {
	taps := d.k * d.k
	a := depthwiseArgs{xSize: d.in, ySize: d.out, top: d.pad[1], left: d.pad[2], k: d.k, stride: d.stride}
	a.addMasks()
	a.wPlane = taps * a.lanes
	w.For(d.group, grainOf(d.batch*d.xSize), func(lo, hi int) {
		a := a
		sums := scratch((hi - lo) * a.wPlane)
		defer release(sums)
		clear(*sums)
		some := max(1, near/(d.xSize+d.ySize)) // planes
		for n := range d.batch {
			for c := lo; c < hi; c += some {
				first := n*d.group + c
				a.planes, a.w = min(some, hi-c), (*sums)[(c-lo)*a.wPlane:]
				a.x, a.y = x[first*d.xSize:], gy[first*d.ySize:]
				isa.depthwise.weight(&a)
				for i := range a.planes {
					d.met(x, gy, first+i)
				}
			}
		}
		for i := range (hi - lo) * taps {
			gw[lo*taps+i] = sum((*sums)[i*a.lanes : (i+1)*a.lanes])
		}
	})
}

// addMasks chooses the width of vectors and computes the masks: for each
// segment of a row of y, those of the vectors of x that the kernels load and
// that of y.
func (a *depthwiseArgs) addMasks() {
	a.lanes = isa.lanes
	if a.ySize[2] <= 8 {
		a.lanes = 8 // rather than half a vector
	}
	for q := 0; q < a.ySize[2]; q += a.lanes {
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

// segments returns into how many vectors a row of y is cut.
func (a *depthwiseArgs) segments() int { return (a.ySize[2] + a.lanes - 1) / a.lanes }
