package kernel

// rowLanes computes a correlation over two axes with positions of the result in
// the lanes of a vector and its channels in the rows of a tile. What the
// positions of a vector read must be adjacent for every tap. It is in place if
// nothing surrounds the image, and in a frame if rows are whole vectors; else
// the image is copied once for each column of the kernel, as that column meets
// it: shifted, every other column for a stride of 2, and rows without borders.
type rowLanes struct {
	*correlation
	weight *[]float32 // of each group, phase and block of channels: see packDirect
	bias   *[]float32 // of each group, in whole blocks; nil for none
	blocks int        // of channels
	parts  []rowPart
	images int // computed at a time

	columns     []int // those of the kernel that there are copies for: where they read for position 0
	first, high int   // row of the source that copies begin with, and their rows
	wide        int   // positions of a row of a copy
	down        int   // stride of rows, for each remainder of which rows are apart
	step        int   // from image to image in the source
	direct      bool  // the result is computed in place
	flat        bool  // the source of all positions is one run
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

// rowLanes returns the method for this correlation, and whether it applies and
// is the best.
func (c *correlation) rowLanes(weight, bias []float32) (*rowLanes, bool) {
	if isa.direct == nil || c.in[0] != 1 || c.out[0] != 1 || c.kernel[0] != 1 || c.pad[0] != 0 || c.extent.size() < isa.lanes {
		return nil, false
	}
	m := &rowLanes{correlation: c, blocks: (c.results + isa.channels - 1) / isa.channels, images: 1}
	f := &c.phases[0]
	m.direct = len(c.phases) == 1 && f.step == vec3{1, 1, 1}
	for i := range c.phases {
		m.wide = max(m.wide, c.phases[i].count[2])
	}
	if m.wide*m.phaseRows() < isa.lanes {
		return nil, false
	}
	m.down = f.stride[1]
	// In place, no vector may reach beyond the source.
	m.flat = m.direct && c.runLength() == c.extent.size() && (!c.source.none() || c.extent.size()%isa.lanes == 0)
	if f.stride != (vec3{1, 1, 1}) || !m.flat && m.wide%isa.lanes != 0 {
		m.copies()
	}
	if !m.worthwhile() {
		return nil, false
	}
	switch {
	case m.columns != nil:
		m.step = c.channels * m.copySize()
	default:
		m.step = c.sourceStep()
	}
	const few = 6 // vectors
	if n := c.extent.size() / isa.lanes; m.direct && n < few && c.extent.size()%isa.lanes == 0 {
		m.images = min(c.batch, few/n)
	}
	m.prepare(weight, bias)
	return m, true
}

// phaseRows returns the most rows of any phase.
func (m *rowLanes) phaseRows() (rows int) {
	for i := range m.phases {
		rows = max(rows, m.phases[i].count[1])
	}
	return rows
}

// worthwhile compares with channelLanes, in multiplications of vectors.
func (m *rowLanes) worthwhile() bool {
	rows, channels := 0, 0
	for i := range m.phases {
		f := &m.phases[i]
		depth := m.channels * len(f.taps)
		vectors := (f.count[1]*m.wide + isa.lanes - 1) / isa.lanes
		rows += vectors * m.blocks * isa.channels * (depth + 4)
		channels += (m.results + isa.lanes - 1) / isa.lanes * f.count.size() * (depth + 14)
		if m.columns != nil || !m.source.none() {
			rows += 4 * vectors * m.channels * max(1, len(m.columns))
		}
	}
	return rows < channels
}

// copies lays out the copies of the image.
func (m *rowLanes) copies() {
	last := 0
	for i := range m.phases {
		f := &m.phases[i]
		for j, t := range f.taps {
			if i+j == 0 || t.at[1] < m.first {
				m.first = t.at[1]
			}
			last = max(last, t.at[1]+(f.count[1]-1)*f.stride[1])
			if m.column(t.at[2]) < 0 {
				m.columns = append(m.columns, t.at[2])
			}
		}
	}
	m.high = last - m.first + 1
	m.high = (m.high + m.down - 1) / m.down * m.down
}

// column returns which copy a column of the kernel reads, -1 for none.
func (m *rowLanes) column(at int) int {
	for i, c := range m.columns {
		if c == at {
			return i
		}
	}
	return -1
}

// copySize returns the elements of the copies of one channel.
func (m *rowLanes) copySize() int { return len(m.columns) * m.high * m.wide }

// prepare packs the weights and makes the tables.
func (m *rowLanes) prepare(weight, bias []float32) {
	size, to := 0, 0
	for i := range m.phases {
		p := rowPart{phase: &m.phases[i], from: size, to: to}
		size += m.blocks * isa.channels * m.channels * len(p.taps)
		to += m.results * p.count[1] * m.wide
		m.tables(&p)
		m.parts = append(m.parts, p)
	}
	m.weight = scratch(m.group*size + packSlack)
	for g := range m.group {
		for i := range m.parts {
			p := &m.parts[i]
			m.packWeight((*m.weight)[g*size+p.from:], weight[g*m.wSize:], p.taps)
		}
	}
	if bias != nil {
		m.bias = scratch(m.group * m.blocks * isa.channels)
		for g := range m.group {
			copy((*m.bias)[g*m.blocks*isa.channels:], bias[g*m.results:(g+1)*m.results])
		}
	}
}

// packWeight packs what a phase uses of the weights of a group.
func (m *rowLanes) packWeight(dst, weight []float32, taps []tap) {
	depth := m.channels * len(taps)
	for i := 0; i < m.results; i += isa.channels {
		end := min(i+isa.channels, m.results)
		to := dst[i*depth:]
		if end-i < isa.channels {
			clear(to[:depth*isa.channels]) // what is computed of it is not used
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
					to[(ch*len(taps)+j)*isa.channels+r-i] = from[r*m.wr]
				}
			}
		}
	}
}

// tables makes the tables of a phase.
func (m *rowLanes) tables(p *rowPart) {
	size := p.count[1] * m.wide
	vectors := (size + isa.lanes - 1) / isa.lanes
	p.last = size - (vectors-1)*isa.lanes
	p.at, p.steps = offsets(m.images*vectors), offsets(m.channels*len(p.taps))
	base := 0
	if m.columns == nil {
		base = m.sourceSteps(p.phase, func(s, at, _ int, _ tap) { (*p.steps)[s] = pair{s * isa.channels, at} })
	} else {
		for ch := range m.channels {
			for j, t := range p.taps {
				row := t.at[1] - m.first
				row = row%m.down*(m.high/m.down) + row/m.down
				s := ch*len(p.taps) + j
				(*p.steps)[s] = pair{s * isa.channels, ch*m.copySize() + (m.column(t.at[2])*m.high+row)*m.wide}
			}
		}
	}
	for i := range m.images {
		for v := range vectors {
			q := v * isa.lanes
			from := q
			if m.columns == nil && !m.flat {
				from = q/m.wide*m.source.extent[2] + q%m.wide
			}
			(*p.at)[i*vectors+v] = pair{i*m.step + base + from, i*m.group*m.resultSize + q}
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

func (m *rowLanes) run(w *Workers, source, result []float32) {
	blocks := (m.batch + m.images - 1) / m.images
	w.For(blocks*m.group, 1, func(lo, hi int) {
		var copied, apart *[]float32
		later := make([][]float32, 0, 1+len(m.also))
		if m.columns != nil || !m.source.none() {
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
			if i+1 < hi {
				next := ((i+1)/m.group*m.images*m.group + (i+1)%m.group) * m.sourceSize
				later = append(later, source[next:min(next+images*m.sourceSize, len(source))])
			}
			if m.byBlock() {
				m.eachBlock(g, at, from, result, later)
				continue
			}
			for _, r := range m.also {
				later = append(later, r[at*m.resultSize:(at+images)*m.resultSize])
			}
			if m.direct {
				m.compute(&m.parts[0], g, images, from, to, m.resultSize/m.results, later)
			} else {
				for j := range m.parts {
					p := &m.parts[j]
					m.compute(p, g, images, from, (*apart)[p.to:], p.count[1]*m.wide, later)
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
	plane := m.resultSize / m.results
	t := directTile{at: *p.at, last: p.last, b: source, cRow: plane, step: *p.steps, later: later}
	depth := len(*p.steps)
	rest := []float32(nil)
	if len(later) > 0 {
		rest = later[0]
	}
	for i := range m.blocks {
		r := i * isa.channels
		t.n, t.a = min(isa.channels, m.results-r), (*m.weight)[r*depth:]
		lo, hi := image*m.resultSize+r*plane, image*m.resultSize+(r+t.n)*plane
		t.c = result[lo:]
		if m.bias != nil {
			t.begin, t.bias = fromRows, (*m.bias)[r:]
		}
		// A share of the next image, and what follows reads.
		t.later = later[:0]
		for _, x := range m.also {
			t.later = append(t.later, x[lo:hi])
		}
		share := len(rest) / (m.blocks - i)
		t.later = append(t.later, rest[:share])
		rest = rest[share:]
		isa.direct(&t)
		m.finished(lo, hi)
	}
}

// fill copies an image to its frame or copies, whose borders are zeros already.
func (m *rowLanes) fill(dst, src []float32) {
	if m.columns == nil {
		m.source.fill(dst, src, m.channels)
		return
	}
	in, s := m.source.in, m.phases[0].stride[2]
	for ch := range m.channels {
		from := src[ch*in.size():]
		for i, at := range m.columns {
			to := dst[ch*m.copySize()+i*m.high*m.wide:]
			// Positions x0 to x1 read inside the image, and rows y0 to y1 are of it.
			x0, x1 := max(0, (s-1-at)/s), min(m.wide, (in[2]-1-at)/s+1)
			if at >= in[2] || x0 >= x1 {
				continue
			}
			for r := range m.down {
				y0 := max(0, (m.down-1-m.first-r)/m.down)
				y1 := min(m.high/m.down, (in[1]-1-m.first-r)/m.down+1)
				if m.first+r >= in[1] || y0 >= y1 {
					continue
				}
				row := m.first + r + y0*m.down
				copyEvery(to[(r*(m.high/m.down)+y0)*m.wide+x0:], m.wide, from[row*in[2]+x0*s+at:], m.down*in[2], s, y1-y0, x1-x0)
			}
		}
	}
}

// compute computes a phase of some images.
func (m *rowLanes) compute(p *rowPart, group, images int, source, result []float32, cRow int, later [][]float32) {
	depth := len(*p.steps)
	if depth == 0 {
		clear(result[:m.results*cRow])
		return
	}
	at := (*p.at)[:len(*p.at)/m.images*images]
	size := len(*m.weight) - packSlack
	weight := (*m.weight)[group*(size/m.group)+p.from:]
	t := directTile{b: source, cRow: cRow, later: later}
	if m.bias != nil {
		t.begin = fromRows
	}
	for k0 := 0; k0 < depth; k0 += directDepth {
		k1 := min(k0+directDepth, depth)
		t.step = (*p.steps)[k0:k1]
		some := max(1, blockPanels/isa.lanes/3*len(p.taps)/(k1-k0)) * 3 // vectors
		for v := 0; v < len(at); v += some {
			t.at, t.last = at[v:min(v+some, len(at))], isa.lanes
			if v+some >= len(at) {
				t.last = p.last
			}
			for i := range m.blocks {
				r := i * isa.channels
				t.n, t.a, t.c = min(isa.channels, m.results-r), weight[r*depth:], result[r*cRow:]
				if m.bias != nil {
					t.bias = (*m.bias)[group*m.blocks*isa.channels+r:]
				}
				isa.direct(&t)
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
		both := isa.weave != nil && p.step[2] == 2 && p.first[2] == 0 && 2*p.count[2] == e[2] && p.count[2] >= 8
		for ch := range m.results {
			from := apart[p.to+ch*plane:]
			to := result[ch*e.size()+p.first[1]*e[2]+p.first[2]:]
			if both { // with the phase of the columns between
				isa.weave(p.count[1], p.count[2], &from[0], &apart[m.parts[i+1].to+ch*plane], m.wide, &to[0], p.step[1]*e[2])
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

// copyEvery copies rows of n elements that are step apart in src, rows ss apart,
// to adjacent ones in dst, rows ds apart.
func copyEvery(dst []float32, ds int, src []float32, ss, step, rows, n int) {
	if step == 1 {
		copyRows(dst, ds, src, ss, rows, n)
		return
	}
	if isa.everySecond != nil && step == 2 && n >= 8 {
		_, _ = dst[(rows-1)*ds+n-1], src[(rows-1)*ss+2*n-2]
		isa.everySecond(rows, n, &src[0], ss, &dst[0], ds)
		return
	}
	for r := range rows {
		from := src[r*ss:]
		for i := range dst[r*ds : r*ds+n] {
			dst[r*ds+i] = from[i*step]
		}
	}
}
