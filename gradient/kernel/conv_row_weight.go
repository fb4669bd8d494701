package kernel

// rowWeights computes the gradient of the weights of a convolution with positions
// in the lanes of a vector:
//
//	gw[o, c, t] = Σ_{n, q} gy[n, o, q] · x[n, c, at(q, t)]
//
// is a product of vectors for some output channels and some columns (c, t), whose
// lanes are added up at the end. Neither operand is transposed. gy is copied, so
// that the rows of a block do not compete for the same places in the cache.
type rowWeights struct {
	*rowLayout
	images  int     // prepared at once
	vectors int     // of an image
	columns []int   // where channels and taps begin in x
	steps   *[]pair // of all vectors of the images, in gy and x
	pitch   int     // of a channel of gy
}

// dotTile is the task of the microkernel: for i < isa.channels and j < 3,
//
//	sums[j·isa.channels + i] = Σ_p Σ_l a[step[p].a + i·aRow + l] · b[step[p].b + col[j] + l]
type dotTile struct {
	step []pair
	a    []float32
	aRow int
	b    []float32
	col  []int // 3 of them
	sums [4 * 8]float32
}

// rowWeights returns the method, nil if it does not apply, and its cost for an
// image, in multiplications of vectors.
func (p *convPlan) rowWeights() (m *rowWeights, cost int) {
	l, ok := p.forward().rowLayout()
	if !ok || isa.dots == nil {
		return nil, 0
	}
	m = &rowWeights{rowLayout: l, vectors: (p.out.size() + isa.lanes - 1) / isa.lanes}
	size := p.xSize
	if l.copied() {
		size = l.step
	}
	m.images = max(1, min(p.batch, weightBlock/(size+p.oc*m.vectors*isa.lanes)))
	// Reading as much as it multiplies, it waits for the second level of cache. Then
	// there are the lanes of a tile to add up, and the copies.
	const addUp = 8
	cost = roundUp(p.oc, isa.channels) * roundUp(p.ic*p.taps, 3) * (m.vectors*m.images + addUp) / m.images
	return m, cost*3/2 + 6*(size/isa.lanes+p.oc*m.vectors)
}

func (m *rowWeights) run(w *Workers, x, gy, gw []float32) {
	m.tables()
	defer releaseOffsets(m.steps)
	g := scratch(roundUp(m.oc, isa.channels) * m.pitch)
	defer release(g)
	clear(*g)
	var copies []float32
	if m.copied() {
		buf := scratch(m.images*m.step + packSlack)
		defer release(buf)
		clear(*buf)
		copies = *buf
	}
	for group := range m.group {
		for n := 0; n < m.batch; n += m.images {
			first, images := n*m.group+group, min(m.images, m.batch-n)
			from := x[first*m.xSize:]
			m.prepare(w, copies, *g, from, gy, first, images)
			if copies != nil {
				from = copies
			}
			m.multiply(w, *g, from, gw[group*m.wSize:(group+1)*m.wSize], images, n > 0)
		}
	}
}

// tables makes the tables.
func (m *rowWeights) tables() {
	const gap = 16 // keeps rows from the same places in the cache
	m.pitch = m.images*m.vectors*isa.lanes + gap
	m.columns = make([]int, roundUp(m.ic*m.taps, 3))
	base := m.offsets(&m.phases[0], func(s, at int) { m.columns[s] = at })
	m.steps = offsets(m.images * m.vectors)
	for i := range *m.steps {
		q := i % m.vectors * isa.lanes
		(*m.steps)[i] = pair{i * isa.lanes, i/m.vectors*m.step + base + m.from(q)}
	}
}

// prepare copies gy of some images, a row for each channel, and lays out x. In gy
// the first is image (and group) first.
func (m *rowWeights) prepare(w *Workers, copies, g, x, gy []float32, first, images int) {
	size := m.out.size()
	w.For(images, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := first + i*m.group
			copyRows(g[i*m.vectors*isa.lanes:], m.pitch, gy[at*m.ySize:], size, m.oc, size)
			m.met(gy, at)
			if copies != nil {
				m.fill(copies[i*m.step:], x[i*m.group*m.xSize:])
			}
		}
	})
}

// multiply adds the products of the images to gw, or overwrites it.
func (m *rowWeights) multiply(w *Workers, g, x, gw []float32, images int, add bool) {
	columns := m.ic * m.taps
	triples, blocks := (columns+2)/3, (m.oc+isa.channels-1)/isa.channels
	w.For(blocks*triples, 4, func(lo, hi int) {
		t := dotTile{step: (*m.steps)[:images*m.vectors], b: x, aRow: m.pitch}
		for i := lo; i < hi; i++ {
			o, c := i/triples*isa.channels, i%triples*3
			t.a, t.col = g[o*m.pitch:], m.columns[c:c+3]
			isa.dots(&t)
			t.store(gw[o*columns+c:], columns, min(isa.channels, m.oc-o), min(3, columns-c), add)
		}
	})
}

// store adds the sums of some rows and columns to a matrix, or overwrites it.
func (t *dotTile) store(to []float32, ld, rows, columns int, add bool) {
	for r := range rows {
		row := to[r*ld : r*ld+columns]
		for j := range row {
			if s := t.sums[j*isa.channels+r]; add {
				row[j] += s
			} else {
				row[j] = s
			}
		}
	}
}
