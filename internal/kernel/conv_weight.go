package kernel

// gradWeight computes, for each group, the matrix product
//
//	gw[(c, t), o] = Σ_{n, q} x[n, c, at(q, t)] · gy[n, q, o]
//
// with the output channels in the lanes of a vector. The microkernel broadcasts
// from the framed image in place; gy is transposed first. A few images at a
// time are prepared by all threads, and then all rows of gw added to.
type gradWeight struct {
	*convPlan
	split
	source frame
	pitch  int     // elements of a position of gy
	images int     // prepared at once
	row    *[]pair // for each channel and tap
	step   *[]pair // for all positions of the images
	idle   idle[preparedWeight]
}

// preparedWeight is the memory of a thread.
type preparedWeight struct {
	x, gy *[]float32 // x is nil if there is no frame: used in place
	sum   *[]float32 // gw transposed: a row of pitch elements for each channel and tap
}

// run computes gw for a part of the batch.
func (m *gradWeight) run(p *convPlan, w *Workers, x, gy, gw []float32) {
	b := m.idle.take(m.memory)
	defer m.idle.done(b)
	for g := range p.group {
		for n := 0; n < p.batch; n += m.images {
			images := min(m.images, p.batch-n)
			m.prepare(w, p, b, x, gy, n*p.group+g, images)
			from := x[(n*p.group+g)*p.xSize:]
			if b.x != nil {
				from = *b.x
			}
			m.accumulate(w, b, from, images, n > 0)
		}
		transposeAll(gw[g*p.wSize:(g+1)*p.wSize], p.ic*p.taps, *b.sum, m.pitch, p.ic*p.taps, p.oc)
	}
}

// transposedWeightsCost returns what the method costs for an image, in multiplications of
// vectors: it is not as fast as products are, and transposes gy.
func transposedWeightsCost(p *convPlan) int {
	return (p.oc + isaLanes() - 1) / isaLanes() * p.out.size() * (p.ic*p.taps*3/2 + 14)
}

// runTransposedWeights computes gw by this method.
func runTransposedWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	m := newGradWeight(p)
	defer m.free()
	p.inParts(w, 320, x, gy, gw, m.run)
}

func newGradWeight(p *convPlan) *gradWeight {
	f := p.forward()
	m := &gradWeight{convPlan: p, split: newSplit(p.oc), source: f.source, pitch: roundUp(p.oc, 8)}
	xSize, ySize := p.ic*m.source.extent.size(), m.pitch*p.out.size()
	m.images = max(1, min(p.batch, weightBlock/(xSize+ySize)))
	if m.source.none() {
		xSize *= p.group // from image to image, in place
	}
	rows := p.ic * p.taps
	m.row = offsets(roundUp(rows, microRows()))
	base := f.sourceSteps(&f.phases[0], func(r, at, ch int, t tap) { (*m.row)[r] = pair{at, r * m.pitch} })
	padRows(*m.row, rows)
	m.step = offsets(m.images * p.out.size())
	for i := range *m.step {
		q := p.out.position(i % p.out.size())
		at := i/p.out.size()*xSize + base
		for a, size := range (vec3{m.source.extent[1] * m.source.extent[2], m.source.extent[2], 1}) {
			at += q[a] * p.stride[a] * size
		}
		(*m.step)[i] = pair{at, i * m.pitch}
	}
	return m
}

func (m *gradWeight) memory() preparedWeight {
	b := preparedWeight{gy: scratch(m.images*m.pitch*m.out.size() + packSlack), sum: scratch(m.ic * m.taps * m.pitch)}
	if !m.source.none() {
		b.x = scratch(m.images * m.ic * m.source.extent.size())
		clear(*b.x)
	}
	return b
}

func (m *gradWeight) free() {
	m.idle.each(func(b preparedWeight) {
		if b.x != nil {
			release(b.x)
		}
		release(b.gy)
		release(b.sum)
	})
	releaseOffsets(m.row)
	releaseOffsets(m.step)
}

// prepare frames some images and transposes their gy, beginning with image (and
// group) first.
func (m *gradWeight) prepare(w *Workers, p *convPlan, b preparedWeight, x, gy []float32, first, images int) {
	positions := m.out.size()
	w.For(images, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := first + i*m.group
			if b.x != nil {
				m.source.fill((*b.x)[i*m.ic*m.source.extent.size():], x[at*m.xSize:], m.ic)
			}
			matrix{gy[at*m.ySize:], 1, positions}.pack((*b.gy)[i*positions*m.pitch:], 0, positions, 0, m.oc, m.pitch)
			p.met(x, gy, at)
		}
	})
}

// accumulate adds the products of the prepared images, or overwrites their sum.
func (m *gradWeight) accumulate(w *Workers, b preparedWeight, x []float32, images int, add bool) {
	rows := m.ic * m.taps
	steps := (*m.step)[:images*m.out.size()]
	const part = 48 // rows at a time: a multiple of every microRows()
	parts := (rows + part - 1) / part
	w.For(m.panels*parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			j0, j1 := m.panel(i / parts)
			r := i % parts * part
			t := tile{row: (*m.row)[r:], rows: min(part, rows-r), cols: j1 - j0, a: x, b: (*b.gy)[j0:], c: (*b.sum)[j0:], begin: addTo(add)}
			t.runInSteps(steps)
		}
	})
}
