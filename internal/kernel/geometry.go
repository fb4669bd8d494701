package kernel

import "fmt"

// vec3 is a position or extent on three spatial axes, the last one contiguous.
type vec3 [3]int

func (v vec3) size() int { return v[0] * v[1] * v[2] }

// at returns the row-major index of position p in a box of extent v.
func (v vec3) at(p vec3) int { return (p[0]*v[1]+p[1])*v[2] + p[2] }

// contains tells whether position p lies in a box of extent v.
func (v vec3) contains(p vec3) bool {
	return p[0] >= 0 && p[0] < v[0] && p[1] >= 0 && p[1] < v[1] && p[2] >= 0 && p[2] < v[2]
}

// position is the inverse of at.
func (v vec3) position(i int) vec3 { return vec3{i / (v[1] * v[2]), i / v[2] % v[1], i % v[2]} }

// geometry is the spatial part of a Conv or Pool on three axes, the missing
// ones in front having extent 1.
type geometry struct {
	in, kernel, out, stride, dilation, pad vec3
}

func newGeometry(in, kernel, out, stride, dilation, pad []int) geometry {
	rank := len(in)
	if rank < 1 || rank > 3 {
		panic(fmt.Sprintf("kernel: %d spatial axes, want 1 to 3", rank))
	}
	extend := func(name string, v []int, least, missing int) vec3 {
		if len(v) != rank {
			panic(fmt.Sprintf("kernel: %s %v for %d spatial axes", name, v, rank))
		}
		r := vec3{missing, missing, missing}
		for i, x := range v {
			if x < least {
				panic(fmt.Sprintf("kernel: %s %v, want at least %d", name, v, least))
			}
			r[3-rank+i] = x
		}
		return r
	}
	return geometry{
		in:       extend("input", in, 0, 1),
		kernel:   extend("kernel", kernel, 1, 1),
		out:      extend("output", out, 0, 1),
		stride:   extend("stride", stride, 1, 1),
		dilation: extend("dilation", dilation, 1, 1),
		pad:      extend("padding", pad, 0, 0),
	}
}

// reads returns the input position, possibly in the padding, that tap t reads
// for output q.
func (g *geometry) reads(q, t vec3) vec3 {
	for a := range q {
		q[a] = q[a]*g.stride[a] + t[a]*g.dilation[a] - g.pad[a]
	}
	return q
}
