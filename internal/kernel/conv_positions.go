package kernel

// positionLanes computes a correlation of stride 1 with positions in the lanes
// of a vector: a tap reads the framed source at a constant distance from the
// result's position, so a whole image is one run of vectors. Where the frame
// has a border, the run computes as many positions too many as the border is
// wide, at the end of each row; these are dropped.
type positionLanes struct {
	*correlation
	weight []float32
	bias   *[]float32 // of each group, rounded up to microRows(); nil for none
	row    *[]pair    // offsets of the result's channels in weight and result
	step   *[]pair    // offsets of channels and taps in weight and source
	base   int        // of the steps in source
	length int        // of the run
	direct bool       // nothing to drop: the run is the result
}

// packedRows is how many rows of a tile make it worth packing the panel of B
// that they share.
func packedRows() int { return 3 * microRows() }

func newPositionLanes(c *correlation, weight, bias []float32) *positionLanes {
	f := &c.phases[0]
	m := &positionLanes{correlation: c, weight: weight, row: offsets(roundUp(c.results, microRows())), step: offsets(c.channels * len(f.taps)), length: c.runLength()}
	m.direct = m.length == c.extent.size()
	m.base = c.sourceSteps(f, func(p, at, ch int, t tap) { (*m.step)[p] = pair{ch*c.wc + t.index, at} })
	for i := range c.results {
		(*m.row)[i] = pair{i * c.wr, i * m.length}
	}
	padRows(*m.row, c.results)
	if bias != nil {
		m.bias = scratch(c.group * len(*m.row))
		for g := range c.group {
			copy((*m.bias)[g*len(*m.row):], bias[g*c.results:(g+1)*c.results])
		}
	}
	return m
}

func (m *positionLanes) free() {
	releaseOffsets(m.row)
	releaseOffsets(m.step)
	if m.bias != nil {
		release(m.bias)
	}
}

func (m *positionLanes) atOnce() int { return 1 }

func (m *positionLanes) compute(w *Workers, group, _ int, source, result []float32) {
	out := result
	if !m.direct {
		buf := scratch(m.results * m.length)
		defer release(buf)
		out = *buf
	}
	t := tile{row: *m.row, rows: m.results, a: m.weight[group*m.wSize:]}
	if m.bias != nil {
		t.begin, t.bias = fromRows, (*m.bias)[group*len(*m.row):]
	}
	columns := newSplit(m.length)
	w.For(columns.panels, 1, func(lo, hi int) {
		t := t
		for i := lo; i < hi; i++ {
			j0, j1 := columns.panel(i)
			t.cols, t.b, t.c = j1-j0, source[m.base+j0:], out[j0:]
			if m.results <= packedRows() {
				t.runInSteps(*m.step)
			} else {
				m.packed(t)
			}
		}
	})
	if !m.direct {
		m.dropBorders(result, out)
	}
}

// packed computes a tile with many rows, all of which read the panel of B:
// better from memory that is near.
func (m *positionLanes) packed(t tile) {
	width := roundUp(t.cols, isaLanes())
	panel, steps := scratch(depthStep*width), offsets(depthStep)
	defer release(panel)
	defer releaseOffsets(steps)
	b := t.b
	t.b = *panel
	for p := 0; p < len(*m.step); p += depthStep {
		part := (*m.step)[p:min(p+depthStep, len(*m.step))]
		t.step = (*steps)[:len(part)]
		for i, s := range part {
			t.step[i] = pair{s[0], i * width}
		}
		if m.taps == 1 { // a channel after the other, at equal distances
			copyRows(*panel, width, b[part[0][1]:], m.source.extent.size(), len(part), t.cols)
		} else {
			for i, s := range part {
				copy((*panel)[i*width:i*width+t.cols], b[s[1]:])
			}
		}
		t.run()
		t.begin = fromC
	}
}

// dropBorders copies the run of each channel to the result.
func (m *positionLanes) dropBorders(result, out []float32) {
	e := m.extent
	for i := range m.results * e[0] {
		from := i/e[0]*m.length + m.source.extent.at(vec3{i % e[0], 0, 0})
		copyRows(result[i*e[1]*e[2]:], e[2], out[from:], m.source.extent[2], e[1], e[2])
	}
}

// positionsCost returns what positionLanes costs for an image, in multiplications
// of vectors, and whether it applies.
func positionsCost(c *correlation) (positions int, ok bool) {
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

// runPositionLanes computes the correlation by this method.
func runPositionLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	runFewImages(c, newPositionLanes(c, weight, bias), w, source, result)
}
