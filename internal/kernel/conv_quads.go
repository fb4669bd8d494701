package kernel

// quadLanes computes a correlation of one tap of images of four positions: a quad,
// four elements that stay together, for each channel. It is a product of matrices
// with the quads of all images side by side, which are turned on the way there and
// back.
type quadLanes struct {
	*correlation
	weight matrix    // of a group
	bias   []float32 // nil for none
	packed []float32 // panels of quads of some images, a row for each channel
	images int       // of these
	panels panels    // of their columns
}

// quadLanesApply reports whether the method applies.
func quadLanesApply(c *correlation) bool {
	return hasQuads() && c.pointwise() && c.extent.size() == quad
}

// runQuadLanes computes the correlation by this method.
func runQuadLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	most := max(1, cacheL2/2/4/(quad*c.channels)) // images
	times := (c.batch + most - 1) / most
	images := min(c.batch, roundUp((c.batch+times-1)/times, isaLanes()/quad))
	packed := scratch(roundUp(quad*images, isaLanes())*c.channels + packSlack)
	defer release(packed)
	rows := 64 // of the result for a thread
	if c.results < 8*rows {
		rows /= 2
	}
	parts := (c.results + rows - 1) / rows
	for g := range c.group {
		m := quadLanes{correlation: c, weight: matrix{weight[g*c.wSize:], c.wr, c.wc}, packed: *packed}
		if bias != nil {
			m.bias = bias[g*c.results:]
		}
		if c.wc != 1 {
			strips := scratch(roundUp(c.results, microRows())*c.channels + packSlack)
			defer release(strips)
			m.packWeight(w, *strips)
		}
		for n := 0; n < c.batch; n += images {
			m.images = min(images, c.batch-n)
			m.panels = newPanels(quad * m.images)
			at := n*c.group + g
			w.For(m.panels.count(), grainOf(microVecs()*isaLanes()*c.channels), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					m.gather(i, source[at*c.sourceSize:])
				}
			})
			w.For(parts, 1, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					r0, r1 := i*rows, min((i+1)*rows, c.results)
					m.rows(r0, r1, result[at*c.resultSize:])
					for k := range m.images {
						first := (at + k*c.group) * c.resultSize
						c.finished(first+r0*quad, first+r1*quad)
					}
				}
			})
		}
	}
}

// packWeight packs the weights of some rows one strip after another, reading them in
// order.
func (m *quadLanes) packWeight(w *Workers, strips []float32) {
	from := m.weight
	m.weight = matrix{strips, 0, 0}
	w.For((m.channels+packBand-1)/packBand, grainOf(packBand*m.results), func(lo, hi int) {
		for k := lo * packBand; k < min(hi*packBand, m.channels); k += packBand {
			for r := 0; r < m.results; r += microRows() {
				packRows(strips[r*m.channels+k*microRows():], microRows(), from, r, min(microRows(), m.results-r), k, min(packBand, m.channels-k), 1)
			}
		}
	})
}

// gather packs a panel.
func (m *quadLanes) gather(panel int, source []float32) {
	j0, j1 := m.panels.at(panel)
	width, step := roundUp(j1-j0, isaLanes()), m.group*m.sourceSize
	turnQuads(m.packed[j0*m.channels:], width, source[j0/quad*step:], step, (j1-j0)/quad, m.channels)
}

// rows computes rows r0 to r1 of the result. A part of the sum is computed for all
// of them, while the first level of cache holds what they read of a panel.
func (m *quadLanes) rows(r0, r1 int, result []float32) {
	out := scratch((r1 - r0) * microVecs() * isaLanes())
	defer release(out)
	parts := (m.channels + depthStep - 1) / depthStep
	depth := roundUp((m.channels+parts-1)/parts, unroll)
	step := m.group * m.resultSize
	for i := range m.panels.count() {
		j0, j1 := m.panels.at(i)
		width := roundUp(j1-j0, isaLanes())
		s := strip{cols: j1 - j0, panels: newPanels(j1 - j0), ldc: width, lda: microRows()}
		for k := 0; k < m.channels; k += depth {
			s.k, s.b = min(depth, m.channels-k), m.packed[j0*m.channels+k*width:]
			for r := r0; r < r1; r += microRows() {
				s.rows, s.c, s.begin = min(microRows(), r1-r), (*out)[(r-r0)*width:], addTo(k > 0)
				if k == 0 && m.bias != nil {
					s.begin, s.bias = fromRows, m.bias[r:]
				}
				if m.weight.rj == 1 {
					s.a, s.lda, s.byRows = m.weight.x[r*m.weight.ri+k:], m.weight.ri, true
				} else {
					s.a = m.weight.x[r*m.channels+k*microRows():]
				}
				s.run()
			}
		}
		turnQuads(result[j0/quad*step+r0*quad:], step, *out, width, r1-r0, (j1-j0)/quad)
	}
}
