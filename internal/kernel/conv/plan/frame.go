package plan

import (
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Frame is the layout of an image with a border of zeros on every side.
type Frame struct {
	In     window.Vec3 // the image
	before window.Vec3 // border at the beginning of each axis
	Extent window.Vec3 // image and borders
}

// NewFrame returns a frame that holds the image and positions first to last.
func NewFrame(in, first, last window.Vec3) Frame {
	f := Frame{In: in}
	for a := range in {
		f.before[a] = max(0, -first[a])
		f.Extent[a] = f.before[a] + max(in[a], last[a]+1)
	}
	return f
}

// At returns the index in the frame of an image position.
func (f *Frame) At(p window.Vec3) int {
	for a := range p {
		p[a] += f.before[a]
	}
	return f.Extent.At(p)
}

// None reports whether there is no border, so that images can be used in place.
func (f *Frame) None() bool { return f.Extent == f.In }

// Fill copies an image of some channels into its frame in dst. The borders of dst must hold
// zeros already.
func (f *Frame) Fill(dst, src []float32, channels int) {
	if f.In.Size() == 0 {
		return
	}
	first, plane, size := f.At(window.Vec3{}), f.Extent[1]*f.Extent[2], f.In[1]*f.In[2]
	for ch := range channels {
		to := first + ch*f.Extent.Size()
		for range f.In[0] {
			simd.CopyRows(dst[to:], f.Extent[2], src, f.In[2], f.In[1], f.In[2])
			to, src = to+plane, src[size:]
		}
	}
}
