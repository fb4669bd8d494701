package depthwise

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Planes is a convolution of each channel with a square kernel of its own, of size 3 or 5
// and with stride 1 or 2. There is assembly for these. The lanes of a vector are positions
// of a row.
type Planes struct {
	*plan.Conv
	k, stride int
}

// Applies reports whether there is assembly for a convolution.
func Applies(p *plan.Conv) bool { return hasDepthwise() && hasSquareKernels(p) }

// hasSquareKernels reports whether a convolution is one of planes.
func hasSquareKernels(p *plan.Conv) bool {
	k, s := p.Kernel[2], p.Stride[2]
	return p.InChannels == 1 && p.OutChannels == 1 && p.XSize > 0 && p.YSize > 0 &&
		p.Kernel == (window.Vec3{1, k, k}) && p.Stride == (window.Vec3{1, s, s}) && p.Dilation == (window.Vec3{1, 1, 1}) &&
		p.In[0] == 1 && p.Out[0] == 1 && p.Pad[0] == 0 && (k == 3 || k == 5) && s <= 2 && p.Pad[1] < k && p.Pad[2] < k
}

// New returns a convolution to which the method applies.
func New(p *plan.Conv) *Planes { return &Planes{p, p.Kernel[2], p.Stride[2]} }

// depthwiseArgs are the arguments of assembly that computes some planes. For forward, y is
// written, and bias has a number for each plane, or one for all planes if biasPlane is 0.
// For weight, y is gy, and w holds sums for the elements of the kernel, to which products
// are added. The sums of a kernel are in runs of nine or of five elements, padded to a
// multiple of four.
type depthwiseArgs struct {
	planes           int
	x, w, y, bias    []float32
	xSize, ySize     window.Vec3 // of a plane
	wPlane           int         // distance between planes
	biasPlane        int
	top, left        int
	k, stride, lanes int
	masks            []uint32
	segments         int // number of vectors in a row of y
	plan.Gating
}

// depthwiseKernels is the assembly for depthwise convolutions.
type depthwiseKernels struct {
	forward, back, weight func(*depthwiseArgs) // back is the gradient of the input for stride 2
}

func hasDepthwise() bool { return depthwiseCode() != nil }

// planes calls f, in parallel, for ranges of planes that are channels of one image. A range
// has at most the given number of elements, or is a single plane.
func (d *Planes) planes(w *parallel.Workers, most int, f func(image, channel, planes int)) {
	w.For(d.Batch*d.Group, parallel.GrainOf(d.k*(d.XSize+d.YSize)), func(lo, hi int) {
		for lo < hi {
			n := min(hi-lo, d.Group-lo%d.Group, max(1, most/max(d.XSize, d.YSize)))
			f(lo/d.Group, lo%d.Group, n)
			lo += n
		}
	})
}

// Forward computes y from x and weight. bias may be nil.
func (d *Planes) Forward(w *parallel.Workers, x, weight, bias, y []float32) {
	a := depthwiseArgs{xSize: d.In, ySize: d.Out, wPlane: d.k * d.k, top: d.Pad[1], left: d.Pad[2], k: d.k, stride: d.stride}
	a.addMasks()
	if bias == nil {
		bias = []float32{0}
	} else {
		a.biasPlane = 1
	}
	d.planes(w, simd.NearL2, func(image, channel, planes int) {
		a, first := a, image*d.Group+channel
		a.planes, a.Gating = planes, d.Clamp.Gating(planes*d.YSize)
		a.x, a.y = x[first*d.XSize:], y[first*d.YSize:]
		a.w, a.bias = weight[channel*a.wPlane:], bias[channel*a.biasPlane:]
		depthwiseCode().forward(&a)
		d.Finished(first*d.YSize, (first+planes)*d.YSize)
	})
}

// addMasks chooses the width of vectors and computes masks. For each segment of a row of y
// these are the masks of the vectors of x that the assembly loads, and that of y.
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

// addBackMasks is addMasks for gradients with stride 2. There each segment reads vectors of
// x and writes two vectors of y.
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

// cut chooses the width of vectors for rows of n elements, and cuts the rows into segments.
func (a *depthwiseArgs) cut(n int) {
	a.lanes = simd.Lanes()
	if n <= 8 {
		a.lanes = 8 // rather than half of a wider vector
	}
	a.segments = (n + a.lanes - 1) / a.lanes
}

// addMask appends the mask of a vector that begins with a column of a row of size columns.
// For 16 lanes it is a word of bits, for 8 lanes eight words of ones or zeros.
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
