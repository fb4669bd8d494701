package kernel

// channelLanes computes a correlation with the channels of the result in the
// lanes of a vector: the microkernel broadcasts source elements from wherever
// they stand, so stride, dilation and the width of the image cost nothing. The
// result comes out with the channels last and is transposed. Small images are
// computed several at a time, so that the weights are read less often.
type channelLanes struct {
	*correlation
	split
	weight *[]float32 // for each group and panel, a row for each channel and tap
	bias   []float32  // nil for none
	pitch  int        // elements of a result position
	images int        // computed at a time
	tables []phaseTables
}

// phaseTables are a phase's tables for [tile].
type phaseTables struct {
	row   *[]pair // offsets of the positions of all images in source and result
	n     int     // positions of one image
	step  *[]pair // offset in source, row of weight
	empty bool    // no taps at all
}

// rowBlock is how many positions are computed with all weights before the next: a
// multiple of every height of tiles.
const rowBlock = 192

func newChannelLanes(c *correlation, weight, bias []float32) *channelLanes {
	m := &channelLanes{correlation: c, split: newSplit(c.results), bias: bias, pitch: roundUp(c.results, 8)}
	m.images = max(1, min(c.batch, rowBlock/c.extent.size()))
	m.packWeight(weight)
	for i := range c.phases {
		m.tables = append(m.tables, m.phaseTables(&c.phases[i]))
	}
	return m
}

func (m *channelLanes) phaseTables(f *phase) phaseTables {
	n := f.count.size()
	t := phaseTables{offsets(roundUp(m.images*n, microRows())), n, offsets(m.channels * len(f.taps)), len(f.taps) == 0}
	base := m.sourceSteps(f, func(p, at, ch int, tap tap) { (*t.step)[p] = pair{at, ch*m.taps + tap.index} })
	for q := range n {
		i := f.count.position(q)
		var to vec3
		from := base
		for a, size := range (vec3{m.source.extent[1] * m.source.extent[2], m.source.extent[2], 1}) {
			from += i[a] * f.stride[a] * size
			to[a] = f.first[a] + i[a]*f.step[a]
		}
		for image := range m.images {
			(*t.row)[image*n+q] = pair{image*m.sourceStep() + from, (image*m.extent.size() + m.extent.at(to)) * m.pitch}
		}
	}
	padRows(*t.row, m.images*n)
	return t
}

func (m *channelLanes) depth() int { return m.channels * m.taps }

// panelAt returns where in weight a panel of a group begins.
func (m *channelLanes) panelAt(group, panel int) int {
	j0, _ := m.panel(panel)
	return (group*roundUp(m.results, isaLanes()) + j0) * m.depth()
}

func (m *channelLanes) packWeight(weight []float32) {
	m.weight = scratch(m.panelAt(m.group, 0) + packSlack)
	for g := range m.group {
		from := weight[g*m.wSize:]
		for i := range m.panels {
			j0, j1 := m.panel(i)
			width := roundUp(j1-j0, isaLanes())
			to := (*m.weight)[m.panelAt(g, i):]
			if m.wc == m.taps { // channel and tap are one axis
				matrix{from, 1, m.wr}.pack(to, 0, m.depth(), j0, j1, width)
				continue
			}
			for ch := range m.channels {
				matrix{from[ch*m.wc:], 1, m.wr}.pack(to[ch*m.taps*width:], 0, m.taps, j0, j1, width)
			}
		}
	}
}

func (m *channelLanes) free() {
	release(m.weight)
	for _, f := range m.tables {
		releaseOffsets(f.row)
		releaseOffsets(f.step)
	}
}

func (m *channelLanes) atOnce() int { return m.images }

func (m *channelLanes) compute(w *Workers, group, images int, source, result []float32) {
	size := m.extent.size()
	out := scratch(images * size * m.pitch)
	defer release(out)
	for _, f := range m.tables {
		row := *f.row
		if images < m.images { // the rest of the table is for images that do not exist
			part := offsets(roundUp(images*f.n, microRows()))
			defer releaseOffsets(part)
			copy(*part, row)
			row = *part
			padRows(row, images*f.n)
		}
		if !f.empty {
			m.positions(w, *f.step, row, images*f.n, group, source, *out)
			continue
		}
		for _, r := range row[:images*f.n] {
			clear((*out)[r[1] : r[1]+m.results])
		}
	}
	for i := range images {
		transposeAll(result[i*m.group*m.resultSize:], size, (*out)[i*size*m.pitch:], m.pitch, size, m.results)
	}
}

// positions computes all channels of n positions of a phase.
func (m *channelLanes) positions(w *Workers, step, row []pair, n, group int, source, out []float32) {
	blocks := (n + rowBlock - 1) / rowBlock
	w.For(blocks*m.panels, 1, func(lo, hi int) {
		steps := offsets(len(step))
		defer releaseOffsets(steps)
		width := 0
		for i := lo; i < hi; i++ {
			q := i / m.panels * rowBlock
			j0, j1 := m.panel(i % m.panels)
			t := tile{row: row[q:], rows: min(rowBlock, n-q), cols: j1 - j0, a: source, b: (*m.weight)[m.panelAt(group, i%m.panels):], c: out[j0:]}
			if m.bias != nil {
				t.begin, t.bias = fromColumns, m.bias[group*m.results+j0:]
			}
			if w := roundUp(t.cols, isaLanes()); w != width {
				width = w
				for p, s := range step {
					(*steps)[p] = pair{s[0], s[1] * width}
				}
			}
			t.runInSteps(*steps)
		}
	})
}

// channelsCost returns what channelLanes costs for an image, in multiplications of
// vectors, with the transposition.
func channelsCost(c *correlation) int {
	cost, vectors := 0, (c.results+isaLanes()-1)/isaLanes()
	for i := range c.phases {
		f := &c.phases[i]
		cost += f.count.size() * (c.channels*len(f.taps) + 14)
	}
	return vectors * cost
}

// runChannelLanes computes the correlation by this method.
func runChannelLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	runFewImages(c, newChannelLanes(c, weight, bias), w, source, result)
}
