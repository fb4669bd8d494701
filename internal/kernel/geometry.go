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

// frame is the layout of an image with a border of zeros on every side.
type frame struct {
	in     vec3 // the image
	before vec3 // border at the begin of each axis
	extent vec3 // image and borders
}

// newFrame returns a frame that holds the image and positions first to last.
func newFrame(in, first, last vec3) frame {
	f := frame{in: in}
	for a := range in {
		f.before[a] = max(0, -first[a])
		f.extent[a] = f.before[a] + max(in[a], last[a]+1)
	}
	return f
}

// offset returns the index in the frame of an image position.
func (f *frame) offset(p vec3) int {
	for a := range p {
		p[a] += f.before[a]
	}
	return f.extent.at(p)
}

// none tells whether there is no border, so that images can be used in place.
func (f *frame) none() bool { return f.extent == f.in }

// fill copies images (one for each channel) into their frames in dst, whose
// borders hold zeros already.
func (f *frame) fill(dst, src []float32, channels int) {
	if f.in.size() == 0 {
		return
	}
	first, plane, size := f.offset(vec3{}), f.extent[1]*f.extent[2], f.in[1]*f.in[2]
	for ch := range channels {
		to := first + ch*f.extent.size()
		for range f.in[0] {
			copyRows(dst[to:], f.extent[2], src, f.in[2], f.in[1], f.in[2])
			to, src = to+plane, src[size:]
		}
	}
}
