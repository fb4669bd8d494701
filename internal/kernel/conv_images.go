package kernel

// imageLanes computes a correlation of small images with a position of many
// images in the lanes of a vector: each position of the result uses the taps
// that lie inside the image, and no others, and the weights are read once for
// all images. Source and result are transposed for it, the source so that what a
// tap reads of all channels is adjacent; a kernel of one tap takes all positions
// at once.
type imageLanes struct {
	*correlation
	places            []place
	pitch             int // images, in whole vectors
	channel, position int // steps in the transposed source
}

// place is a position of the result with what it reads.
type place struct {
	at   int // in the result
	taps []placeTap
}

// placeTap is an element of the kernel and the position that it reads.
type placeTap struct{ index, from int }

// mostPlaces is the size of images that imageLanes may be the best for.
const mostPlaces = 16

// imageLanesCost returns what the method costs, with the transpositions, in
// multiplications of vectors, and whether it applies.
func imageLanesCost(c *correlation) (cost int, ok bool) {
	size := c.extent.size()
	if !hasDirect() || size > mostPlaces || c.source.in.size() > 4*mostPlaces || c.taps == 1 && size >= isaLanes() {
		return 0, false
	}
	taps := 0
	for i := range c.phases {
		f := &c.phases[i]
		for q := range f.count.size() {
			for _, t := range f.taps {
				if c.source.in.contains(f.reads(f.count.position(q), t)) {
					taps++
				}
			}
		}
	}
	blocks, vectors := (c.results+blockChannels()-1)/blockChannels(), (c.batch+isaLanes()-1)/isaLanes()
	return vectors * (blocks*blockChannels()*(c.channels*taps+8*size) + 8*c.channels*c.source.in.size()), true
}

// newImageLanes lays out the positions of the result.
func newImageLanes(c *correlation) *imageLanes {
	m := &imageLanes{correlation: c, pitch: roundUp(c.batch, isaLanes())}
	for i := range c.phases {
		f := &c.phases[i]
		for q := range f.count.size() {
			m.places = append(m.places, m.place(f, f.count.position(q)))
		}
	}
	m.channel, m.position = m.pitch, c.channels*m.pitch
	if c.taps == 1 {
		m.channel, m.position = c.source.in.size()*m.pitch, m.pitch
	}
	return m
}

// place returns position q of a phase.
func (m *imageLanes) place(f *phase, q vec3) place {
	var to vec3
	for a := range q {
		to[a] = f.first[a] + q[a]*f.step[a]
	}
	p := place{at: m.extent.at(to)}
	for _, t := range f.taps {
		from := f.reads(q, t)
		if m.source.in.contains(from) {
			p.taps = append(p.taps, placeTap{t.index, m.source.in.at(from)})
		}
	}
	return p
}

// runImageLanes computes the correlation by this method.
func runImageLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	m := newImageLanes(c)
	turned := scratch(m.group*m.sourceSize*m.pitch + packSlack)
	defer release(turned)
	m.turn(w, *turned, source)
	at, step := offsets(m.extent.size()*m.pitch/isaLanes()), offsets(m.channels)
	defer releaseOffsets(at)
	defer releaseOffsets(step)
	for v := range *at {
		(*at)[v] = pair{v * isaLanes(), v * isaLanes()}
	}
	for ch := range *step {
		(*step)[ch] = pair{ch * blockChannels(), ch * m.channel}
	}
	blocks := (m.results + blockChannels() - 1) / blockChannels()
	w.For(m.group*blocks, 1, func(lo, hi int) {
		weights := m.channels*m.taps*blockChannels() + packSlack
		packed, byTap := scratch(weights), scratch(weights)
		out := scratch(blockChannels() * m.extent.size() * m.pitch)
		defer release(packed)
		defer release(byTap)
		defer release(out)
		for i := lo; i < hi; i++ {
			g, r := i/blocks, i%blocks*blockChannels()
			n := min(blockChannels(), m.results-r)
			m.packWeight(*byTap, *packed, weight[g*m.wSize:], r, n)
			t := directTile{at: *at, last: isaLanes(), a: *byTap, b: (*turned)[g*m.sourceSize*m.pitch:], n: n, cRow: m.extent.size() * m.pitch}
			if bias != nil {
				var b [16]float32
				copy(b[:], bias[g*m.results+r:g*m.results+r+n])
				t.bias = b[:]
			}
			if m.pointwise() {
				t.c = *out
				m.compute(t, &m.places[0], *step)
			} else {
				t.at = t.at[:m.pitch/isaLanes()]
				for j := range m.places {
					t.c = (*out)[m.places[j].at*m.pitch:]
					m.compute(t, &m.places[j], *step)
				}
			}
			to := result[g*m.resultSize+r*m.extent.size():]
			transposeAll(to, m.group*m.resultSize, *out, m.pitch, n*m.extent.size(), m.batch)
		}
	})
	if m.then != nil {
		w.For(m.batch, grainOf(m.group*m.resultSize), func(lo, hi int) {
			m.finished(lo*m.group*m.resultSize, hi*m.group*m.resultSize)
		})
	}
}

// turn sets turned to the source with the images last.
func (m *imageLanes) turn(w *Workers, turned, source []float32) {
	size, places := m.group*m.sourceSize, m.source.in.size()
	w.For(m.group*m.channels, grainOf(places*m.pitch), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			to := turned[i/m.channels*m.sourceSize*m.pitch+i%m.channels*m.channel:]
			for im := 0; im < m.batch; im += 8 {
				transposeAll(to[im:], m.position, source[im*size+i*places:], size, min(8, m.batch-im), places)
			}
			for j := range places { // so that no garbage slows the rest down
				clear(to[j*m.position+m.batch : j*m.position+m.pitch])
			}
		}
	})
}

// packWeight packs the weights of n channels of the result from r, those of each
// tap together, by way of packed.
func (m *imageLanes) packWeight(byTap, packed, weight []float32, r, n int) {
	if n < blockChannels() {
		clear(packed)
	}
	switch {
	case m.taps == 1:
		packDirect(packed, matrix{weight, m.wr, m.wc}, r, r+n, m.channels)
	case m.wc == m.taps: // channel and tap are one axis
		packDirect(packed, matrix{weight, m.wr, 1}, r, r+n, m.channels*m.taps)
	default:
		for ch := range m.channels {
			packDirect(packed[ch*m.taps*blockChannels():], matrix{weight[ch*m.wc:], m.wr, 1}, r, r+n, m.taps)
		}
	}
	for t := range m.taps {
		copyRows(byTap[t*m.channels*blockChannels():], blockChannels(), packed[t*blockChannels():], m.taps*blockChannels(), m.channels, blockChannels())
	}
}

// compute computes a position of all images, tap by tap. The steps are those of
// one tap, from channel to channel.
func (m *imageLanes) compute(t directTile, p *place, step []pair) {
	if len(p.taps) == 0 {
		for i := range t.n {
			b := float32(0)
			if t.bias != nil {
				b = t.bias[i]
			}
			fill(t.c[i*t.cRow:][:m.pitch], b)
		}
		return
	}
	a, b := t.a, t.b
	if t.bias != nil {
		t.begin = fromRows
	}
	for _, tap := range p.taps {
		t.a, t.b = a[tap.index*m.channels*blockChannels():], b[tap.from*m.position:]
		for s := 0; s < len(step); s += directDepth {
			t.step = step[s:min(s+directDepth, len(step))]
			t.run()
			t.begin = fromC
		}
	}
}
