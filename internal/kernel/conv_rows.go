package kernel

// rowLanes computes a correlation over two axes with positions of the result in
// the lanes of a vector and its channels in the rows of a tile.
type rowLanes struct {
	*rowLayout
	weight *[]float32 // of each group, phase and block of channels: see packDirect
	bias   *[]float32 // of each group, in whole blocks; nil for none
	blocks int        // of channels
	parts  []rowPart
	images int // computed at a time
	steps  int // of panels, for these images
}

// rowPart is a phase, with its tables for [directTile].
type rowPart struct {
	*phase
	at    *[]pair
	last  int // lanes of the last vector
	steps *[]pair
	from  int // of its weights in a group
	to    int // of its results, if not in place
}

// rowLanesCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func rowLanesCost(c *correlation) (cost int, ok bool) {
	l, ok := c.rowLayout()
	if !ok {
		return 0, false
	}
	blocks := (c.results + blockChannels() - 1) / blockChannels()
	for i := range c.phases {
		f := &c.phases[i]
		vectors := (f.count[1]*l.wide + isaLanes() - 1) / isaLanes()
		cost += vectors * blocks * blockChannels() * (c.channels*len(f.taps) + 4)
	}
	if l.copied() {
		cost += 4 * (l.step + isaLanes() - 1) / isaLanes()
	}
	return cost, true
}

// newRowLanes packs the weights and makes the tables.
func newRowLanes(c *correlation, weight, bias []float32) *rowLanes {
	l, _ := c.rowLayout()
	m := &rowLanes{rowLayout: l, blocks: (c.results + blockChannels() - 1) / blockChannels(), images: 1}
	// The microkernel is the fastest with three vectors at a time.
	const few = 12 // vectors
	if n := c.extent.size() / isaLanes(); m.direct && n < few && n%3 != 0 && c.extent.size()%isaLanes() == 0 {
		m.images = min(c.batch, 3)
	}
	m.prepare(weight, bias)
	return m
}

// prepare packs the weights and makes the tables.
func (m *rowLanes) prepare(weight, bias []float32) {
	size, to := 0, 0
	for i := range m.phases {
		p := rowPart{phase: &m.phases[i], from: size, to: to}
		size += m.blocks * blockChannels() * m.channels * len(p.taps)
		to += m.results * p.count[1] * m.wide
		m.tables(&p)
		m.parts = append(m.parts, p)
		m.steps += m.blocks * panelSteps(len(*p.at), len(*p.steps))
	}
	m.weight = scratch(m.group*size + packSlack)
	for g := range m.group {
		for i := range m.parts {
			p := &m.parts[i]
			m.packWeight((*m.weight)[g*size+p.from:], weight[g*m.wSize:], p.taps)
		}
	}
	if bias != nil {
		m.bias = scratch(m.group * m.blocks * blockChannels())
		for g := range m.group {
			copy((*m.bias)[g*m.blocks*blockChannels():], bias[g*m.results:(g+1)*m.results])
		}
	}
}

// packWeight packs what a phase uses of the weights of a group.
func (m *rowLanes) packWeight(dst, weight []float32, taps []tap) {
	depth := m.channels * len(taps)
	for i := 0; i < m.results; i += blockChannels() {
		end := min(i+blockChannels(), m.results)
		to := dst[i*depth:]
		if end-i < blockChannels() {
			clear(to[:depth*blockChannels()]) // what is computed of it is not used
		}
		switch {
		case m.taps == 1 && len(taps) == 1:
			packDirect(to, matrix{weight, m.wr, m.wc}, i, end, depth)
			continue
		case m.wc == m.taps && len(taps) == m.taps: // channel and tap are one axis
			packDirect(to, matrix{weight, m.wr, 1}, i, end, depth)
			continue
		}
		for ch := range m.channels {
			for j, t := range taps {
				from := weight[ch*m.wc+t.index:]
				for r := i; r < end; r++ {
					to[(ch*len(taps)+j)*blockChannels()+r-i] = from[r*m.wr]
				}
			}
		}
	}
}

// tables makes the tables of a phase.
func (m *rowLanes) tables(p *rowPart) {
	size := p.count[1] * m.wide
	vectors := (size + isaLanes() - 1) / isaLanes()
	p.last = size - (vectors-1)*isaLanes()
	p.at, p.steps = offsets(m.images*vectors), offsets(m.channels*len(p.taps))
	base := m.offsets(p.phase, func(s, at int) { (*p.steps)[s] = pair{s * blockChannels(), at} })
	for i := range m.images {
		for v := range vectors {
			q := v * isaLanes()
			(*p.at)[i*vectors+v] = pair{i*m.step + base + m.from(q), i*m.group*m.resultSize + q}
		}
	}
}

func (m *rowLanes) free() {
	release(m.weight)
	if m.bias != nil {
		release(m.bias)
	}
	for _, p := range m.parts {
		releaseOffsets(p.at)
		releaseOffsets(p.steps)
	}
}

// runRowLanes computes the correlation by this method.
func runRowLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	m := newRowLanes(c, weight, bias)
	defer m.free()
	blocks := (m.batch + m.images - 1) / m.images
	w.For(blocks*m.group, 1, func(lo, hi int) {
		var copied, apart *[]float32
		later := make([][]float32, 0, 2+len(m.also))
		if m.copied() {
			copied = scratch(m.images*m.step + packSlack)
			defer release(copied)
			clear(*copied)
		}
		if !m.direct {
			last := &m.parts[len(m.parts)-1]
			apart = scratch(last.to + m.results*last.count[1]*m.wide)
			defer release(apart)
		}
		for i := lo; i < hi; i++ {
			first, g := i/m.group*m.images, i%m.group
			images := min(m.images, m.batch-first)
			at := first*m.group + g
			from, to := source[at*m.sourceSize:], result[at*m.resultSize:]
			for n := 0; copied != nil && n < images; n++ {
				m.fill((*copied)[n*m.step:], from[n*m.group*m.sourceSize:])
			}
			if copied != nil {
				from = *copied
			}
			later = later[:0]
			next := (i+1)/m.group*m.images*m.group + (i+1)%m.group
			if i+1 < hi {
				later = append(later, part(source, next*m.sourceSize, images*m.sourceSize))
			}
			if m.byBlock() {
				m.eachBlock(g, at, from, result, later)
				continue
			}
			for _, r := range m.also {
				later = append(later, r[at*m.resultSize:(at+images)*m.resultSize])
			}
			if i+1 < hi {
				later = append(later, part(result, next*m.resultSize, images*m.resultSize))
			}
			t := directTile{b: from, even: m.taps == 1}
			t.fetchAhead(later, m.steps)
			if m.direct {
				m.compute(&t, &m.parts[0], g, images, to, m.resultSize/m.results)
			} else {
				for j := range m.parts {
					p := &m.parts[j]
					m.compute(&t, p, g, images, (*apart)[p.to:], p.count[1]*m.wide)
				}
				m.weave(to, *apart)
			}
			for n := range images {
				m.finished((at+n*m.group)*m.resultSize, (at+n*m.group+1)*m.resultSize)
			}
		}
	})
}

// byBlock tells whether it is better to compute all positions of a block of
// channels before the next, so that what follows has them in the first level of
// cache: if the source remains in the second.
func (m *rowLanes) byBlock() bool {
	return m.direct && m.images == 1 && m.step <= 1<<16 && len(*m.parts[0].steps) <= directDepth && m.group == 1
}

// eachBlock computes an image block by block.
func (m *rowLanes) eachBlock(group, image int, source, result []float32, later [][]float32) {
	p := &m.parts[0]
	plane, depth := m.resultSize/m.results, len(*p.steps)
	t := directTile{at: *p.at, last: p.last, b: source, cRow: plane, step: *p.steps, even: m.taps == 1}
	rest := []float32(nil)
	if len(later) > 0 {
		rest = later[0]
	}
	for i := range m.blocks {
		r := i * blockChannels()
		t.n, t.a = min(blockChannels(), m.results-r), (*m.weight)[r*depth:]
		lo, hi := image*m.resultSize+r*plane, image*m.resultSize+(r+t.n)*plane
		t.c = result[lo:]
		if m.bias != nil {
			t.begin, t.bias = fromRows, (*m.bias)[r:]
		}
		// What follows reads, where the next block goes, and a share of the next image.
		later = later[:0]
		for _, x := range m.also {
			later = append(later, x[lo:hi])
		}
		share := len(rest) / (m.blocks - i)
		later = append(later, part(result, hi, blockChannels()*plane), rest[:share])
		rest = rest[share:]
		t.fetchAhead(later, panelSteps(len(t.at), depth))
		t.run()
		m.finished(lo, hi)
	}
}

// compute computes a phase of some images from t.b.
func (m *rowLanes) compute(t *directTile, p *rowPart, group, images int, result []float32, cRow int) {
	depth := len(*p.steps)
	if depth == 0 {
		clear(result[:m.results*cRow])
		return
	}
	at := (*p.at)[:len(*p.at)/m.images*images]
	size := len(*m.weight) - packSlack
	weight := (*m.weight)[group*(size/m.group)+p.from:]
	t.cRow, t.begin = cRow, fromZero
	if m.bias != nil {
		t.begin = fromRows
	}
	for k0 := 0; k0 < depth; k0 += directDepth {
		k1 := min(k0+directDepth, depth)
		t.step = (*p.steps)[k0:k1]
		some := max(1, blockPanels/isaLanes()/3*len(p.taps)/(k1-k0)) * 3 // vectors
		for v := 0; v < len(at); v += some {
			t.at, t.last = at[v:min(v+some, len(at))], isaLanes()
			if v+some >= len(at) {
				t.last = p.last
			}
			for i := range m.blocks {
				r := i * blockChannels()
				t.n, t.a, t.c = min(blockChannels(), m.results-r), weight[r*depth:], result[r*cRow:]
				if m.bias != nil {
					t.bias = (*m.bias)[group*m.blocks*blockChannels()+r:]
				}
				t.run()
			}
		}
		t.begin = fromC
	}
}

// weave puts the phases' results in their places.
func (m *rowLanes) weave(result, apart []float32) {
	e := m.extent
	for i := 0; i < len(m.parts); i++ {
		p := &m.parts[i]
		plane := p.count[1] * m.wide
		both := canWeave() && p.step[2] == 2 && p.first[2] == 0 && 2*p.count[2] == e[2] && p.count[2] >= 8
		for ch := range m.results {
			from := apart[p.to+ch*plane:]
			to := result[ch*e.size()+p.first[1]*e[2]+p.first[2]:]
			if both { // with the phase of the columns between
				weaveRows(p.count[1], p.count[2], from, apart[m.parts[i+1].to+ch*plane:], m.wide, to, p.step[1]*e[2])
				continue
			}
			for y := range p.count[1] {
				row := to[y*p.step[1]*e[2]:]
				for x, v := range from[y*m.wide:][:p.count[2]] {
					row[x*p.step[2]] = v
				}
			}
		}
		if both {
			i++
		}
	}
}
