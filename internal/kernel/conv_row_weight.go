package kernel

// rowWeights computes the gradient of the weights of a convolution with positions
// in the lanes of a vector:
//
//	gw[o, c, t] = Σ_{n, q} gy[n, o, q] · x[n, c, at(q, t)]
//
// is a product of vectors for some output channels, the rows, and some (c, t), the
// columns. Neither operand is transposed. Rows are copied: a chunk, which is a block
// of them at some positions, lies together, so that the first level of cache holds it
// while it is multiplied with all columns. The lanes of a product are added up when
// all positions have been.
type rowWeights struct {
	*rowLayout
	images  int     // prepared at once
	vectors int     // of an image
	columns []int   // where the columns begin, and once more the first
	steps   *[]pair // of all vectors of the images, in a chunk and in columns
	depth   int     // vectors of a chunk: of pieces of images, or of several of them
	chunks  int     // of a block of rows
	idle    idle[preparedRows]
}

// preparedRows is the memory of a thread.
type preparedRows struct{ rows, copies, sums *[]float32 } // copies is nil if x is in place

// rowWeightsCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func rowWeightsCost(p *convPlan) (cost int, ok bool) {
	l, ok := p.forward().rowLayout()
	if !ok || !hasDots() {
		return 0, false
	}
	vectors := (p.out.size() + isaLanes() - 1) / isaLanes()
	const run = 8 // vectors: shorter ones in place are too far from those of the next image
	if vectors < run && !l.copied() {
		return 0, false
	}
	// Much of what it multiplies comes from the second level of cache, and what is
	// laid out or copied costs 6 a vector.
	cost = roundUp(p.oc, blockChannels())*roundUp(p.ic*p.taps, 3)*vectors*3/2 + 6*p.oc*vectors
	if l.copied() {
		cost += 6 * l.step / isaLanes()
	}
	return cost, true
}

// runRowWeights computes gw by this method.
func runRowWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	m := newRowWeights(p)
	defer m.free()
	p.inParts(w, 320, x, gy, gw, m.run)
}

// newRowWeights makes the tables.
func newRowWeights(p *convPlan) *rowWeights {
	l, _ := p.forward().rowLayout()
	m := &rowWeights{rowLayout: l, vectors: (p.out.size() + isaLanes() - 1) / isaLanes()}
	size := p.xSize
	if l.copied() {
		size = l.step
	}
	m.images = max(1, min(p.batch, weightBlock/(size+p.ySize)))
	if pieces := (m.vectors + mostDots - 1) / mostDots; pieces > 1 {
		m.depth, m.chunks = (m.vectors+pieces-1)/pieces, pieces*m.images
	} else {
		some := min(m.images, mostDots/m.vectors) // images of a chunk
		m.images -= m.images % some
		m.depth, m.chunks = some*m.vectors, m.images/some
	}
	m.tables()
	return m
}

func (m *rowWeights) memory() preparedRows {
	b := preparedRows{rows: scratch(m.blocks() * m.chunks * m.chunk()), sums: scratch(m.blocks() * m.triples() * dotSums())}
	clear(*b.rows)
	if m.copied() {
		b.copies = scratch(m.images*m.step + packSlack)
		clear(*b.copies)
	}
	return b
}

func (m *rowWeights) free() {
	m.idle.each(func(b preparedRows) {
		release(b.rows)
		release(b.sums)
		if b.copies != nil {
			release(b.copies)
		}
	})
	releaseOffsets(m.steps)
}

// run computes gw for a part of the batch.
func (m *rowWeights) run(p *convPlan, w *Workers, x, gy, gw []float32) {
	b := m.idle.take(m.memory)
	defer m.idle.done(b)
	for group := range p.group {
		for n := 0; n < p.batch; n += m.images {
			first, images := n*p.group+group, min(m.images, p.batch-n)
			m.prepare(w, b, x, gy, first, images)
			t := dotTile{step: (*m.steps)[:images*m.vectors], a: *b.rows, aRow: m.depth * isaLanes(), b: x[first*p.xSize:], sums: *b.sums, add: n > 0, end: n+images == p.batch}
			if b.copies != nil {
				t.b = *b.copies
			}
			m.multiply(w, t)
			for i := range images {
				p.met(x, gy, first+i*p.group)
			}
		}
		m.store(gw[group*p.wSize:(group+1)*p.wSize], *b.sums)
	}
}

// blocks returns how many blocks of rows there are, and chunk the elements of a chunk.
func (m *rowWeights) blocks() int { return (m.oc + blockChannels() - 1) / blockChannels() }
func (m *rowWeights) chunk() int  { return blockChannels() * m.depth * isaLanes() }

// triples returns how often three columns there are.
func (m *rowWeights) triples() int { return len(m.columns)/3 - 1 }

// tables makes the tables.
func (m *rowWeights) tables() {
	m.steps = offsets(m.images * m.vectors)
	m.columns = make([]int, roundUp(m.ic*m.taps, 3)+3)
	base := m.offsets(&m.phases[0], func(s, at int) { m.columns[s] = at })
	copy(m.columns[len(m.columns)-3:], m.columns)
	for i := range *m.steps {
		v := i % m.vectors
		at := i % m.depth
		if m.vectors > mostDots {
			at = v % m.depth
		}
		(*m.steps)[i] = pair{at * isaLanes(), i/m.vectors*m.step + base + m.from(v*isaLanes())}
	}
}

// prepare copies gy of some images, of which the first is image (and group) first,
// and lays out x.
func (m *rowWeights) prepare(w *Workers, b preparedRows, x, gy []float32, first, images int) {
	size := m.out.size()
	w.For(images, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := first + i*m.group
			for v := 0; v < m.vectors; v += m.depth {
				chunk, to := (i*m.vectors+v)/m.depth, i*m.vectors%m.depth
				if m.vectors > mostDots {
					chunk, to = i*(m.chunks/m.images)+v/m.depth, 0
				}
				q := v * isaLanes()
				for block := range m.blocks() {
					r := block * blockChannels()
					copyRows((*b.rows)[(block*m.chunks+chunk)*m.chunk()+to*isaLanes():], m.depth*isaLanes(), gy[at*m.ySize+r*size+q:], size, min(blockChannels(), m.oc-r), min(m.depth*isaLanes(), size-q))
				}
			}
			if b.copies != nil {
				m.fill((*b.copies)[i*m.step:], x[at*m.xSize:])
			}
		}
	})
}

// multiply adds what t says of some images, or overwrites it.
func (m *rowWeights) multiply(w *Workers, t dotTile) {
	const some = 16 // triples at a time
	triples := m.triples()
	spans := (triples + some - 1) / some
	w.For(m.blocks()*spans, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			block, first := i/spans, i%spans*some
			part := t
			part.a = t.a[block*m.chunks*m.chunk():]
			part.col = m.columns[3*first : 3*min(first+some, triples)+3]
			part.sums = t.sums[(block*triples+first)*dotSums():]
			for p := 0; p < len(t.step); part.a = part.a[m.chunk():] {
				next := min(p+m.depth, len(t.step), (p/m.vectors+max(1, m.depth/m.vectors))*m.vectors)
				part.step = t.step[p:next]
				part.end = t.end && next == len(t.step)
				part.run()
				part.add, p = true, next
			}
		}
	})
}

// store writes the sums of all rows and columns.
func (m *rowWeights) store(gw, sums []float32) {
	triples, columns := m.triples(), m.ic*m.taps
	for r := range m.oc {
		from := sums[r/blockChannels()*triples*dotSums()+r%blockChannels():]
		for c := range columns {
			gw[r*columns+c] = from[c/3*dotSums()+c%3*isaLanes()]
		}
	}
}
