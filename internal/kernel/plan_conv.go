package kernel

import "fmt"

// convPlan is a checked Conv with the sizes that the kernels use.
type convPlan struct {
	geometry
	batch, group int
	ic, oc       int // channels a group
	taps         int
	xSize, ySize int // elements of one image and group
	wSize        int // elements of one group
	limits       *Limits
	gate         *Gate
	then         func(lo, hi int)
	also         [][]float32
	sums         []float32 // for the sum of every plane of gy, unless nil; see met
	turned       bool      // x and gy have changed places, see turn
	beside       *besideWeight
}

// finished passes on that elements lo to hi of the result are complete.
func (p *convPlan) finished(lo, hi int) {
	if p.then != nil && lo < hi {
		p.then(lo, hi)
	}
}

// besideWeight is a gradient by the input that is computed beside that of the
// weights.
type besideWeight struct{ weight, gx []float32 }

// check panics unless the slices hold what the shapes call for.
func (p *convPlan) check(x, weight, y []float32) {
	images := p.batch * p.group
	if len(x) < images*p.xSize || len(weight) < p.group*p.wSize || len(y) < images*p.ySize {
		panic(fmt.Sprintf("kernel: convolution of %d, %d and %d elements, want %d, %d and %d", len(x), len(weight), len(y), images*p.xSize, p.group*p.wSize, images*p.ySize))
	}
}

// pointwise tells whether there is one tap, for which every position reads itself.
func (p *convPlan) pointwise() bool {
	one := vec3{1, 1, 1}
	return p.kernel == one && p.stride == one && p.pad == vec3{} && p.in == p.out
}

// met sums the planes of an image and group of gy, if that is wanted: methods call
// it once for each, when they have just read it.
func (p *convPlan) met(x, gy []float32, at int) {
	channels := p.oc
	if p.turned {
		gy, channels = x, p.ic
	}
	p.metPlanes(gy, at*channels, channels)
}

// metPlanes is met for n planes of gy.
func (p *convPlan) metPlanes(gy []float32, first, n int) {
	if size := p.out.size(); p.sums != nil {
		sumEachSlice(p.sums[first:first+n], gy[first*size:], size)
	}
}
