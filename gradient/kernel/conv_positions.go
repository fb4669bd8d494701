package kernel

// positionLanes computes a correlation of stride 1 with positions in the lanes
// of a vector: a tap reads the framed source at a constant distance from the
// result's position, so a whole image is one run of vectors. Where the frame
// has a border, the run computes as many positions too many as the border is
// wide, at the end of each row; these are dropped.
type positionLanes struct {
	*correlation
	weight []float32
	row    *[]pair // offsets of the result's channels in weight and result
	step   *[]pair // offsets of channels and taps in weight and source
	base   int     // of the steps in source
	length int     // of the run
	direct bool    // nothing to drop: the run is the result
}

// flat tells whether positionLanes applies and is the better choice.
func (c *correlation) flat() bool {
	if len(c.phases) != 1 || c.phases[0].stride != (vec3{1, 1, 1}) || len(c.phases[0].taps) == 0 {
		return false
	}
	channels := float64(c.results) / float64(roundUp(c.results, isa.lanes))
	run := c.run1()
	positions := float64(c.extent.size()) / float64(roundUp(run, isa.lanes))
	if run < isa.lanes*isa.vecs && c.results >= isa.lanes {
		return false
	}
	if run == c.extent.size() {
		positions *= 1.15 // no transposition
	}
	return positions > channels
}

// run1 returns the number of positions from the first to the last of the
// result, in a frame.
func (c *correlation) run1() int {
	last := c.extent
	for a := range last {
		last[a]--
	}
	return c.source.extent.at(last) + 1
}

func (c *correlation) positionLanes(weight []float32) *positionLanes {
	f := &c.phases[0]
	m := &positionLanes{correlation: c, weight: weight, row: offsets(roundUp(c.results, isa.rows)), step: offsets(c.channels * len(f.taps)), length: c.run1()}
	m.direct = m.length == c.extent.size()
	m.base = c.sourceSteps(f, func(p, at, ch int, t tap) { (*m.step)[p] = pair{ch*c.wc + t.index, at} })
	for i := range c.results {
		(*m.row)[i] = pair{i * c.wr, i * m.length}
	}
	padRows(*m.row, c.results)
	return m
}

func (m *positionLanes) free() {
	releaseOffsets(m.row)
	releaseOffsets(m.step)
}

func (m *positionLanes) image(group int, source, bias, result []float32) {
	out := result
	if !m.direct {
		buf := scratch(m.results * m.length)
		defer release(buf)
		out = *buf
	}
	if bias != nil {
		for i, v := range bias {
			fill(out[i*m.length:(i+1)*m.length], v)
		}
	}
	columns := newSplit(m.length)
	width := isa.lanes * isa.vecs
	packed := scratch(depthStep*width + packSlack)
	defer release(packed)
	steps := offsets(depthStep)
	defer releaseOffsets(steps)
	for i := range columns.panels {
		j0, j1 := columns.panel(i)
		t := tile{row: *m.row, rows: m.results, cols: j1 - j0, a: m.weight[group*m.wSize:], b: source[m.base+j0:], c: out[j0:]}
		if m.results <= 3*isa.rows {
			t.runInSteps(*m.step, bias != nil)
			continue
		}
		// Every row of tiles reads the panel: better from memory that is near.
		for p := 0; p < len(*m.step); p += depthStep {
			t.step = (*steps)[:min(depthStep, len(*m.step)-p)]
			b := t.b
			for i := range t.step {
				s := (*m.step)[p+i]
				copy((*packed)[i*width:i*width+t.cols], b[s[1]:])
				t.step[i] = pair{s[0], i * width}
			}
			t.b, t.add = *packed, bias != nil || p > 0
			t.run()
			t.b = b
		}
	}
	if !m.direct {
		m.dropBorders(result, out)
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
