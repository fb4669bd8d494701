package kernel

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
