package window

import (
	"fmt"
)

// Vec3 is a position or an extent on three spatial axes; the last axis is contiguous.
type Vec3 [3]int

// Size returns the number of positions in a box of extent v.
func (v Vec3) Size() int { return v[0] * v[1] * v[2] }

// At returns the row-major index of position p in a box of extent v.
func (v Vec3) At(p Vec3) int { return (p[0]*v[1]+p[1])*v[2] + p[2] }

// Contains reports whether position p lies in a box of extent v.
func (v Vec3) Contains(p Vec3) bool {
	return p[0] >= 0 && p[0] < v[0] && p[1] >= 0 && p[1] < v[1] && p[2] >= 0 && p[2] < v[2]
}

// Position returns the position whose row-major index in a box of extent v is i. It is the
// inverse of At.
func (v Vec3) Position(i int) Vec3 { return Vec3{i / (v[1] * v[2]), i / v[2] % v[1], i % v[2]} }

// Geometry is the spatial part of a convolution or a pooling on three axes. Missing axes
// come first and have extent 1.
type Geometry struct {
	In, Kernel, Out, Stride, Dilation, Pad Vec3
}

// New returns a geometry of one to three spatial axes. It panics if the slices differ in
// length or have values out of range.
func New(in, kernel, out, stride, dilation, pad []int) Geometry {
	rank := len(in)
	if rank < 1 || rank > 3 {
		panic(fmt.Sprintf("window: %d spatial axes, want 1 to 3", rank))
	}
	extend := func(name string, v []int, least, missing int) Vec3 {
		if len(v) != rank {
			panic(fmt.Sprintf("window: %s %v for %d spatial axes", name, v, rank))
		}
		r := Vec3{missing, missing, missing}
		for i, x := range v {
			if x < least {
				panic(fmt.Sprintf("window: %s %v, want at least %d", name, v, least))
			}
			r[3-rank+i] = x
		}
		return r
	}
	return Geometry{
		In:       extend("input", in, 0, 1),
		Kernel:   extend("kernel", kernel, 1, 1),
		Out:      extend("output", out, 0, 1),
		Stride:   extend("stride", stride, 1, 1),
		Dilation: extend("dilation", dilation, 1, 1),
		Pad:      extend("padding", pad, 0, 0),
	}
}

// Reads returns the input position that element t of the kernel reads for output q. It may
// lie in the padding.
func (g *Geometry) Reads(q, t Vec3) Vec3 {
	for a := range q {
		q[a] = q[a]*g.Stride[a] + t[a]*g.Dilation[a] - g.Pad[a]
	}
	return q
}
