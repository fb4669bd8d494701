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
	wr, wc                 int  // steps in weight for a channel of result and source
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

// run computes the correlation of all images and groups.
func (c *correlation) run(w *Workers, source, weight, bias, result []float32) {
	if c.batch*c.group*c.resultSize == 0 {
		return
	}
	if c.quadLanes() {
		c.runQuads(w, source, weight, bias, result)
		return
	}
	if m, ok := c.imageLanes(); ok {
		m.run(w, source, weight, bias, result)
		return
	}
	if m := c.ofAllImages(w, weight, bias); m != nil {
		m.run(w, source, result)
		m.free()
		return
	}
	var m method
	if c.flat() {
		m = c.positionLanes(weight, bias)
	} else {
		m = c.channelLanes(weight, bias)
	}
	defer m.free()
	blocks := (c.batch + m.atOnce() - 1) / m.atOnce()
	w.For(blocks*c.group, 1, func(lo, hi int) {
		var framed []float32
		if !c.source.none() {
			buf := scratch(m.atOnce() * c.sourceStep())
			defer release(buf)
			framed = *buf
			clear(framed)
		}
		for i := lo; i < hi; i++ {
			first := i / c.group * m.atOnce()
			images := min(m.atOnce(), c.batch-first)
			at := first*c.group + i%c.group
			from := source[at*c.sourceSize:]
			for n := 0; framed != nil && n < images; n++ {
				c.source.fill(framed[n*c.sourceStep():], from[n*c.group*c.sourceSize:], c.channels)
			}
			if framed != nil {
				from = framed
			}
			m.compute(w, i%c.group, images, from, result[at*c.resultSize:])
			for n := range images {
				c.finished((at+n*c.group)*c.resultSize, (at+n*c.group+1)*c.resultSize)
			}
		}
	})
}

// methodOfAll is a way to compute the correlation of all images and groups.
type methodOfAll interface {
	run(w *Workers, source, result []float32)
	free()
}

// ofAllImages returns the best of these that applies, or nil.
func (c *correlation) ofAllImages(w *Workers, weight, bias []float32) methodOfAll {
	if m, ok := c.tallLanes(weight, bias); ok {
		return m
	}
	if m, ok := c.tileRows(weight, bias); ok {
		return m
	}
	if m, ok := c.tileLanes(w, weight, bias); ok {
		return m
	}
	if m, ok := c.winograd(w, weight, bias); ok {
		return m
	}
	if m, ok := c.rowLanes(weight, bias); ok {
		return m
	}
	return nil
}

// sourceStep returns how far apart the images of a group are, in frames or in
// place.
func (c *correlation) sourceStep() int {
	if c.source.none() {
		return c.group * c.sourceSize
	}
	return c.channels * c.source.extent.size()
}

// method is a way to compute the correlation of a group for a few images.
type method interface {
	// atOnce returns for how many images at most.
	atOnce() int
	// compute reads images that are sourceStep apart; the first begins source,
	// and its result begins result.
	compute(w *Workers, group, images int, source, result []float32)
	free()
}

// flat tells whether positionLanes applies and is the faster method, from an
// estimate of cycles.
func (c *correlation) flat() bool {
	positions, ok := c.positionsCost()
	if !ok {
		return false
	}
	vectors := (c.results + isaLanes() - 1) / isaLanes()
	channels := vectors * c.extent.size() * (c.channels*c.taps + 14) // with the transposition
	if vectors < microVecs() {
		channels += channels / 10
	}
	return positions < channels
}

// positionsCost returns what positionLanes costs for an image, in multiplications
// of vectors, and whether it applies.
func (c *correlation) positionsCost() (positions int, ok bool) {
	if len(c.phases) != 1 || c.phases[0].stride != (vec3{1, 1, 1}) || len(c.phases[0].taps) == 0 {
		return 0, false
	}
	depth := c.channels * c.taps
	run, size := c.runLength(), c.extent.size()
	vectors := func(n int) int { return (n + isaLanes() - 1) / isaLanes() }
	positions = vectors(run) * c.results * (depth + 6)
	if run != size {
		positions += vectors(run) * c.results * 16 // to drop borders
	}
	if c.results > packedRows() {
		positions += vectors(run) * depth * 4 // to pack
	}
	if vectors(run) < microVecs() {
		positions += positions / 4 // tiles too narrow
	}
	return positions, true
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
