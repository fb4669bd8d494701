package depthwise

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// GradInput computes gx from gy and weight. For stride 1 it is a forward convolution of gy
// with the kernels flipped. For stride 2 there is assembly of its own.
func (d *Planes) GradInput(w *parallel.Workers, gy, weight, gx []float32) {
	back, flipped := d.back(weight)
	defer scratch.Free(flipped)
	d.planes(w, simd.NearL1, func(image, channel, planes int) {
		d.gradPlanes(back, gy, gx, image, channel, planes)
	})
}

// gradPlanes computes planes of gx that are channels of one image.
func (d *Planes) gradPlanes(a depthwiseArgs, gy, gx []float32, image, channel, planes int) {
	first := image*d.Group + channel
	a.planes, a.w = planes, a.w[channel*a.wPlane:]
	a.x, a.y = gy[first*d.YSize:], gx[first*d.XSize:]
	a.Gating = d.Gate.From(first*d.XSize, planes*d.XSize)
	if d.stride == 1 {
		depthwiseCode().forward(&a)
	} else {
		depthwiseCode().back(&a)
	}
	d.Finished(first*d.XSize, (first+planes)*d.XSize)
}

// back returns the arguments for the gradient of the input, and the flipped weights, which
// are to be freed.
func (d *Planes) back(weight []float32) (depthwiseArgs, *[]float32) {
	a := depthwiseArgs{xSize: d.Out, ySize: d.In, k: d.k, stride: d.stride, bias: []float32{0}}
	taps := d.k * d.k
	if d.stride == 1 {
		a.top, a.left, a.wPlane = d.k-1-d.Pad[1], d.k-1-d.Pad[2], taps
		flipped := scratch.Floats(d.Group * taps)
		copy(*flipped, weight)
		for c := range d.Group {
			slices.Reverse((*flipped)[c*taps : (c+1)*taps])
		}
		a.w = *flipped
		a.addMasks()
		return a, flipped
	}
	// Row u of gx is multiplied with row i of the kernel and row (u+pad-i)/2 of gy. A row of
	// zeros is inserted before the rows of the kernel if pad is odd, and after them if it is
	// even. Then even rows of gx need even rows of the kernel, whatever pad is. Columns are
	// treated likewise.
	m := (d.k + 1) / 2
	a.top, a.left, a.wPlane = m-1-(d.Pad[1]+1)/2, m-1-(d.Pad[2]+1)/2, 4*m*m
	flipped := scratch.Floats(d.Group * a.wPlane)
	clear(*flipped)
	for i := range d.k {
		for j := range d.k {
			row, column := i+d.Pad[1]%2, j+d.Pad[2]%2
			to := ((row%2*2+column%2)*m+m-1-row/2)*m + m - 1 - column/2
			for c := range d.Group {
				(*flipped)[c*a.wPlane+to] = weight[c*taps+i*d.k+j]
			}
		}
	}
	a.w = *flipped
	a.addBackMasks()
	return a, flipped
}

// GradWeight computes gw. If the gradient of the input is wanted as well, it computes that
// of each plane when it has read the plane for the weights.
func (d *Planes) GradWeight(w *parallel.Workers, x, gy, gw []float32) {
	taps := d.k * d.k
	a := depthwiseArgs{xSize: d.In, ySize: d.Out, top: d.Pad[1], left: d.Pad[2], k: d.k, stride: d.stride}
	a.addMasks()
	run := d.k // elements of the kernel in a run of sums, see depthwiseArgs
	if d.k == 3 {
		run = taps
	}
	a.wPlane = taps / run * simd.RoundUp(run, 4)
	var back depthwiseArgs
	if d.InputGrad != nil {
		var flipped *[]float32
		back, flipped = d.back(d.InputGrad.Weight)
		defer scratch.Free(flipped)
	}
	w.For(d.Group, parallel.GrainOf(d.Batch*d.XSize), func(lo, hi int) {
		a := a
		sums := scratch.Floats((hi - lo) * a.wPlane)
		defer scratch.Free(sums)
		clear(*sums)
		some := max(1, simd.NearL1/(d.XSize+d.YSize)) // planes
		for n := range d.Batch {
			for c := lo; c < hi; c += some {
				first := n*d.Group + c
				a.planes, a.w = min(some, hi-c), (*sums)[(c-lo)*a.wPlane:]
				a.x, a.y = x[first*d.XSize:], gy[first*d.YSize:]
				depthwiseCode().weight(&a)
				d.AccumulateBiasPlanes(gy, first, a.planes)
				if d.InputGrad != nil {
					d.gradPlanes(back, gy, d.InputGrad.Gx, n, c, a.planes)
				}
			}
		}
		for i := range (hi - lo) * taps / run {
			copy(gw[lo*taps+i*run:][:run], (*sums)[i*simd.RoundUp(run, 4):])
		}
	})
}
