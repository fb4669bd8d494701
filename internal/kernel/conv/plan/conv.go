package plan

import (
	"fmt"

	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Conv is a checked Conv with the sizes that the kernels use.
type Conv struct {
	window.Geometry
	Batch, Group            int
	InChannels, OutChannels int // channels a group
	Taps                    int
	XSize, YSize            int // elements of one image and group
	WSize                   int // elements of one group
	Clamp                   *Clamp
	Gate                    *Gate
	Epilogue                func(lo, hi int)
	Prefetch                [][]float32
	BiasSums                []float32 // for the sum of every plane of gy, unless nil; see met
	Swapped                 bool      // x and gy have changed places, see turn
	InputGrad               *InputGradient
}

// Finished passes on that elements lo to hi of the result are complete.
func (p *Conv) Finished(lo, hi int) {
	if p.Epilogue != nil && lo < hi {
		p.Epilogue(lo, hi)
	}
}

// InputGradient is a gradient by the input that is computed beside that of the
// weights.
type InputGradient struct{ Weight, Gx []float32 }

// Check panics unless the slices hold what the shapes call for.
func (p *Conv) Check(x, weight, y []float32) {
	images := p.Batch * p.Group
	if len(x) < images*p.XSize || len(weight) < p.Group*p.WSize || len(y) < images*p.YSize {
		panic(fmt.Sprintf("kernel: convolution of %d, %d and %d elements, want %d, %d and %d", len(x), len(weight), len(y), images*p.XSize, p.Group*p.WSize, images*p.YSize))
	}
}

// Pointwise tells whether there is one tap, for which every position reads itself.
func (p *Conv) Pointwise() bool {
	one := window.Vec3{1, 1, 1}
	return p.Kernel == one && p.Stride == one && p.Pad == window.Vec3{} && p.In == p.Out
}

// AccumulateBias sums the planes of an image and group of gy, if that is wanted: methods call
// it once for each, when they have just read it.
func (p *Conv) AccumulateBias(x, gy []float32, at int) {
	channels := p.OutChannels
	if p.Swapped {
		gy, channels = x, p.InChannels
	}
	p.AccumulateBiasPlanes(gy, at*channels, channels)
}

// AccumulateBiasPlanes is met for n planes of gy.
func (p *Conv) AccumulateBiasPlanes(gy []float32, first, n int) {
	if size := p.Out.Size(); p.BiasSums != nil {
		simd.SumEach(p.BiasSums[first:first+n], gy[first*size:], size)
	}
}
