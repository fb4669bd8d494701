package kernel

// correlation is what the forward convolution and the gradient of its input
// have in common: every channel of the result is a sum, over the channels and
// some taps of a source image, of a weight times the source at an offset.
//
//	result[o, p] = Σ_{c, t} weight[o, c, t] · source[c, at(p, t)]
//
// The gradient of the input reads gy at (p + Pad - t·Dilation)/Stride, for the
// taps that make this a whole number. These depend on p modulo Stride: the
// result falls into one phase for each remainder, with taps of its own.
type correlation struct {
	*convPlan
	channels, results      int // of source and result, in one group
	sourceSize, resultSize int // elements of one image and group
	source                 frame
	extent                 vec3 // of the result
	phases                 []phase
	wr, wc                 int        // steps in weight for a channel of result and source
	layout                 *rowLayout // nil for none; see rowLayout
	layoutKnown            bool
	back                   bool // it is the adjoint of a convolution: taps run the other way
}

// phase is a set of positions of the result that use the same taps.
type phase struct {
	first, step, count vec3  // the positions: first + i·step, i < count
	stride             vec3  // how far the source position moves with i
	taps               []tap // never nil, but possibly empty
}

// tap is one element of the kernel.
type tap struct {
	at    vec3 // source position it reads for i = 0
	index int  // in the kernel
}

// reads returns the source position that a tap reads for position i of the phase.
func (f *phase) reads(i vec3, t tap) vec3 {
	at := t.at
	for a := range at {
		at[a] += i[a] * f.stride[a]
	}
	return at
}

// forward returns the correlation that computes y.
func (p *convPlan) forward() *correlation {
	c := &correlation{
		convPlan: p, channels: p.ic, results: p.oc, sourceSize: p.xSize, resultSize: p.ySize,
		extent: p.out, wr: p.ic * p.taps, wc: p.taps,
	}
	f := phase{step: vec3{1, 1, 1}, count: p.out, stride: p.stride}
	for t := range p.taps {
		f.taps = append(f.taps, tap{p.reads(vec3{}, p.kernel.position(t)), t})
	}
	c.phases = []phase{f}
	c.chooseFrame(p.in)
	return c
}

// backward returns the correlation that computes the gradient of x.
func (p *convPlan) backward() *correlation {
	c := &correlation{
		convPlan: p, channels: p.oc, results: p.ic, sourceSize: p.ySize, resultSize: p.xSize,
		extent: p.in, wr: p.taps, wc: p.ic * p.taps, back: true,
	}
	for r := range p.stride.size() {
		f := phase{first: p.stride.position(r), step: p.stride, stride: vec3{1, 1, 1}}
		for a := range f.count {
			f.count[a] = (p.in[a] - f.first[a] + p.stride[a] - 1) / p.stride[a]
		}
		if f.count.size() == 0 {
			continue
		}
		for t := range p.taps {
			at, whole := p.kernel.position(t), true
			for a := range at {
				at[a] = f.first[a] + p.pad[a] - at[a]*p.dilation[a]
				whole = whole && at[a]%p.stride[a] == 0
				at[a] /= p.stride[a]
			}
			if whole {
				f.taps = append(f.taps, tap{at, t})
			}
		}
		c.phases = append(c.phases, f)
	}
	c.chooseFrame(p.out)
	return c
}

// chooseFrame makes the borders hold everything any phase reads.
func (c *correlation) chooseFrame(in vec3) {
	var first, last vec3
	for _, f := range c.phases {
		for _, t := range f.taps {
			for a, at := range t.at {
				first[a], last[a] = min(first[a], at), max(last[a], at+(f.count[a]-1)*f.stride[a])
			}
		}
	}
	c.source = newFrame(in, first, last)
}

// sourceStep returns how far apart the images of a group are, in frames or in
// place.
func (c *correlation) sourceStep() int {
	if c.source.none() {
		return c.group * c.sourceSize
	}
	return c.channels * c.source.extent.size()
}

// sourceSteps sets at of every source channel and tap of a phase to its offset
// in the framed source, relative to base, the least.
func (c *correlation) sourceSteps(f *phase, set func(p, at, ch int, t tap)) (base int) {
	for i, t := range f.taps {
		if at := c.source.offset(t.at); i == 0 || at < base {
			base = at
		}
	}
	for ch := range c.channels {
		for i, t := range f.taps {
			set(ch*len(f.taps)+i, ch*c.source.extent.size()+c.source.offset(t.at)-base, ch, t)
		}
	}
	return base
}

// runLength returns the number of positions from the first to the last of the
// result, in a frame.
func (c *correlation) runLength() int {
	last := c.extent
	for a := range last {
		last[a]--
	}
	return c.source.extent.at(last) + 1
}
