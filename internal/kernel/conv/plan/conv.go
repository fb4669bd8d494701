package plan

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Conv is a checked convolution with the sizes that the methods use.
type Conv struct {
	window.Geometry
	Batch, Group            int
	InChannels, OutChannels int // channels of one group
	Taps                    int
	XSize, YSize            int // elements of x and y for one image and group
	WSize                   int // elements of weight for one group
	Clamp                   *Clamp
	Gate                    *Gate
	Epilogue                func(lo, hi int) // for finished elements of the result, or nil
	Prefetch                [][]float32      // what the epilogue reads besides
	Kept                    *Kept            // the weights as the method needs them, or nil
	BiasSums                []float32        // receives the sum of every plane of gy unless nil; see AccumulateBias
	Swapped                 bool             // x and gy are swapped, for 1×1 kernels
	InputGrad               *InputGradient   // to be computed with the gradient of the weights, or nil
}

// Finished calls the epilogue for elements lo to hi of the result, which are complete.
func (p *Conv) Finished(lo, hi int) {
	if p.Epilogue != nil && lo < hi {
		p.Epilogue(lo, hi)
	}
}

// InputGradient is a gradient of the input that is computed together with that of the
// weights.
type InputGradient struct{ Weight, Gx []float32 }

// Check panics unless the slices hold what the shapes call for.
func (p *Conv) Check(x, weight, y []float32) {
	images := p.Batch * p.Group
	if len(x) < images*p.XSize || len(weight) < p.Group*p.WSize || len(y) < images*p.YSize {
		panic(fmt.Sprintf("conv: convolution of %d, %d and %d elements, want %d, %d and %d", len(x), len(weight), len(y), images*p.XSize, p.Group*p.WSize, images*p.YSize))
	}
}

// Pointwise reports whether the kernel has one element, which reads for every output the
// input at the same position.
func (p *Conv) Pointwise() bool {
	one := window.Vec3{1, 1, 1}
	return p.Kernel == one && p.Stride == one && p.Pad == window.Vec3{} && p.In == p.Out
}

// AccumulateBias adds up the planes of gy of an image and group, if the gradient of the
// bias is wanted. Methods call it once for each image and group, when they have just read
// it. at counts images times groups.
func (p *Conv) AccumulateBias(x, gy []float32, at int) {
	channels := p.OutChannels
	if p.Swapped {
		gy, channels = x, p.InChannels
	}
	p.AccumulateBiasPlanes(gy, at*channels, channels)
}

// AccumulateBiasPlanes is AccumulateBias for n planes of gy.
func (p *Conv) AccumulateBiasPlanes(gy []float32, first, n int) {
	if size := p.Out.Size(); p.BiasSums != nil {
		simd.SumEach(p.BiasSums[first:first+n], gy[first*size:], size)
	}
}
