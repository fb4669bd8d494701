package kernel

import "slices"

// gradInput is, for stride 1, a forward convolution of gy with the kernels turned
// round. For stride 2 there is a kernel of its own.
func (d *depthwise) gradInput(w *Workers, gy, weight, gx []float32) {
	back, turned := d.back(weight)
	defer release(turned)
	d.planes(w, nearer, func(image, channel, planes int) {
		d.gradPlanes(back, gy, gx, image, channel, planes)
	})
}

// gradPlanes computes planes of gx that are channels of one image.
func (d *depthwise) gradPlanes(a depthwiseArgs, gy, gx []float32, image, channel, planes int) {
	first := image*d.group + channel
	a.planes, a.w = planes, a.w[channel*a.wPlane:]
	a.x, a.y = gy[first*d.ySize:], gx[first*d.xSize:]
	a.gating = d.gate.from(first*d.xSize, planes*d.xSize)
	if d.stride == 1 {
		depthwiseCode().forward(&a)
	} else {
		depthwiseCode().back(&a)
	}
	d.finished(first*d.xSize, (first+planes)*d.xSize)
}

// back returns the arguments of the kernel for the gradient by the input, with
// weights that are to be released.
func (d *depthwise) back(weight []float32) (depthwiseArgs, *[]float32) {
	a := depthwiseArgs{xSize: d.out, ySize: d.in, k: d.k, stride: d.stride, bias: []float32{0}}
	taps := d.k * d.k
	if d.stride == 1 {
		a.top, a.left, a.wPlane = d.k-1-d.pad[1], d.k-1-d.pad[2], taps
		turned := scratch(d.group * taps)
		copy(*turned, weight)
		for c := range d.group {
			slices.Reverse((*turned)[c*taps : (c+1)*taps])
		}
		a.w = *turned
		a.addMasks()
		return a, turned
	}
	// Row u of gx meets row i of the kernel and row (u+pad-i)/2 of gy. With a row of
	// zeros before those of the kernel if pad is odd, or after them, the even rows
	// of gx meet its even rows, whatever pad is. Likewise the columns.
	m := (d.k + 1) / 2
	a.top, a.left, a.wPlane = m-1-(d.pad[1]+1)/2, m-1-(d.pad[2]+1)/2, 4*m*m
	turned := scratch(d.group * a.wPlane)
	clear(*turned)
	for i := range d.k {
		for j := range d.k {
			row, column := i+d.pad[1]%2, j+d.pad[2]%2
			to := ((row%2*2+column%2)*m+m-1-row/2)*m + m - 1 - column/2
			for c := range d.group {
				(*turned)[c*a.wPlane+to] = weight[c*taps+i*d.k+j]
			}
		}
	}
	a.w = *turned
	a.addBackMasks()
	return a, turned
}

// gradWeight computes the gradient by the input as well, if that is wanted beside
// it: of each plane when it has been read for the weights.
func (d *depthwise) gradWeight(w *Workers, x, gy, gw []float32) {
	taps := d.k * d.k
	a := depthwiseArgs{xSize: d.in, ySize: d.out, top: d.pad[1], left: d.pad[2], k: d.k, stride: d.stride}
	a.addMasks()
	run := d.k // elements of the kernel in a run of sums, see depthwiseArgs
	if d.k == 3 {
		run = taps
	}
	a.wPlane = taps / run * roundUp(run, 4)
	var back depthwiseArgs
	if d.beside != nil {
		var turned *[]float32
		back, turned = d.back(d.beside.weight)
		defer release(turned)
	}
	w.For(d.group, grainOf(d.batch*d.xSize), func(lo, hi int) {
		a := a
		sums := scratch((hi - lo) * a.wPlane)
		defer release(sums)
		clear(*sums)
		some := max(1, nearer/(d.xSize+d.ySize)) // planes
		for n := range d.batch {
			for c := lo; c < hi; c += some {
				first := n*d.group + c
				a.planes, a.w = min(some, hi-c), (*sums)[(c-lo)*a.wPlane:]
				a.x, a.y = x[first*d.xSize:], gy[first*d.ySize:]
				depthwiseCode().weight(&a)
				d.metPlanes(gy, first, a.planes)
				if d.beside != nil {
					d.gradPlanes(back, gy, d.beside.gx, n, c, a.planes)
				}
			}
		}
		for i := range (hi - lo) * taps / run {
			copy(gw[lo*taps+i*run:][:run], (*sums)[i*roundUp(run, 4):])
		}
	})
}
