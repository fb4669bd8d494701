package kernel

// tileRows computes a correlation with a 3×3 kernel by Winograd's F(2, 3) along rows,
// with the tiles of a row in the lanes of vectors:
//
//	source ─x·B, row by row─▶ v: for each j < 4, row × channel × tile
//	the sum over rows of the kernel of u[j]·v[j] ─▶ p[j] ─p·A─▶ result
//
// It takes 2/3 of the multiplications of summing directly, where tileLanes takes 4/9.
// But there is less to transform, and what a product reads and writes stays in the
// first level of cache: with few channels, that is worth more.
type tileRows struct {
	*correlation
	before  vec3 // what position 0 of the result reads lies this far before the image
	outs    int  // channels of the result, in whole blocks
	vectors int  // of the tiles of a row
	rows    int  // of the result in a unit
	row     int  // elements of a row of v
	vPlane  int  // from j to j
	uGroup  int  // elements of the weights of a group
	u, bias *[]float32
	masks   []uint32 // see laneKernels
}

// inRowsOfTiles tells whether the algorithm applies and the tiles of rows of so many
// outputs fill vectors.
func inRowsOfTiles(p *convPlan, outputs int) bool {
	vector := 2 * isaLanes()
	return laneCode() != nil && tiled(p) && (outputs%vector == 0 || outputs < vector && outputs > vector*3/4)
}

// tileRowsApply reports whether the method applies, and is the best.
func tileRowsApply(c *correlation) bool {
	const few, many = 4, 48 // channels
	return inRowsOfTiles(c.convPlan, c.extent[2]) && min(c.channels, c.results/2) >= few && max(c.channels, c.results) <= many
}

// newTileRows transforms the weights.
func newTileRows(c *correlation, weight, bias []float32) *tileRows {
	m := &tileRows{correlation: c, before: beforeTiles(c), outs: roundUp(c.results, blockChannels())}
	m.vectors = (c.extent[2]/2 + isaLanes() - 1) / isaLanes()
	m.row = m.vectors * c.channels * isaLanes()
	const space = 1 << 16 // elements of v: a quarter of the second level of cache
	m.rows = min(c.extent[1], max(3, space/(4*m.row)))
	m.vPlane = (m.rows+2)*m.row + planeGap
	m.masks = windowMasks(m.before[2], c.source.in[2], m.vectors*isaLanes())
	m.bias = biasOf(c, bias, m.outs)
	m.uGroup = 4 * 3 * m.channels * m.outs
	m.u = scratch(c.group * m.uGroup)
	for g := range c.group {
		m.transformWeight((*m.u)[g*m.uGroup:], weight[g*m.wSize:])
	}
	return m
}

// transformWeight computes u of a group: for each block of results, j, row of the
// kernel and channel of the source, those of the block.
func (m *tileRows) transformWeight(u, weight []float32) {
	n := blockChannels()
	transform := portableTransforms[winoWeight2].apply
	for r := range m.outs {
		block := u[r/n*4*3*m.channels*n+r%n:]
		for row := range 3 {
			for ch := range m.channels {
				var w [6]float32
				for i := 0; i < 3 && r < m.results; i++ {
					t := 3*row + i
					if m.back {
						t = 8 - t
					}
					w[i] = weight[r*m.wr+ch*m.wc+t]
				}
				for j, x := range transform(&w) {
					if j < 4 {
						block[((j*3+row)*m.channels+ch)*n] = x
					}
				}
			}
		}
	}
}

func (m *tileRows) free() {
	release(m.u)
	release(m.bias)
}

// runTileRows computes the correlation by this method.
func runTileRows(c *correlation, w *Workers, source, weight, bias, result []float32) {
	m := newTileRows(c, weight, bias)
	defer m.free()
	high := m.extent[1]
	parts := (high + m.rows - 1) / m.rows
	w.For(m.batch*m.group*parts, 1, func(lo, hi int) {
		v, p := scratch(4*m.vPlane), scratch(3*blockChannels()*microVecs()*isaLanes())
		defer release(v)
		defer release(p)
		for i := lo; i < hi; i++ {
			image, y0 := i/parts, i%parts*m.rows
			y1 := min(y0+m.rows, high)
			m.load(*v, source[image*m.sourceSize:], y0, y1)
			var ahead lookAhead
			if parts == 1 {
				ahead.from[0] = part(source, (image+1)*m.sourceSize, m.sourceSize)
				ahead.from[1] = part(result, image*m.resultSize, m.resultSize)
				for _, x := range m.also {
					ahead.from[2] = part(x, image*m.resultSize, m.resultSize)
				}
			}
			m.compute(&ahead, *v, *p, result, image, y0, y1)
		}
	})
}

// load computes v for rows y0 to y1 of the result.
func (m *tileRows) load(v, source []float32, y0, y1 int) {
	all := y1 - y0 + 2
	first := min(max(0, m.before[1]-y0), all) // rows first to last lie in the image
	last := max(first, min(all, m.source.in[1]+m.before[1]-y0))
	for j := range 4 {
		plane := v[j*m.vPlane : j*m.vPlane+all*m.row]
		clear(plane[:first*m.row])
		clear(plane[last*m.row:])
	}
	if first == last {
		return
	}
	from := source[(y0+first-m.before[1])*m.source.in[2]:]
	for i := range m.vectors {
		to := first*m.row + i*m.channels*isaLanes()
		laneCode().windows(m.channels, last-first, 1, &from[2*i*isaLanes()], m.source.in.size(), m.source.in[2], m.before[2], &v[to], &v[to+m.row], isaLanes(), m.vPlane, 2*m.row, &m.masks[5*i])
	}
}

// compute computes rows y0 to y1 of the result of an image, that is one of a group.
func (m *tileRows) compute(ahead *lookAhead, v, p, result []float32, image, y0, y1 int) {
	e, g := m.extent, image%m.group
	vectors := (y1 - y0) * m.vectors
	outputs := min(e[2], 2*isaLanes()) // of a vector
	ahead.spread(m.outs / blockChannels() * (vectors + 2) / 3)
	for r := 0; r < m.results; r += blockChannels() {
		n, at := min(blockChannels(), m.results-r), image*m.resultSize+r*e.size()
		weight, bias := &(*m.u)[g*m.uGroup+r*4*3*m.channels], &(*m.bias)[g*m.outs+r]
		for i := 0; i < vectors; {
			width := panelWidth(vectors - i)
			later, pace := ahead.next(4*3*m.channels, weight)
			laneCode().rows[width-1](n, m.channels, weight, &v[i*m.channels*isaLanes()], m.row, m.vPlane, &p[0], bias,
				&result[at+y0*e[2]+i*outputs], e.size(), outputs, outputs, blockChannels(), isaLanes(), m.channels*isaLanes(),
				later[0], later[1], later[2], pace[0], pace[1], pace[2])
			i += width
		}
		if y1-y0 == e[1] {
			m.finished(at, at+n*e.size())
			continue
		}
		for c := range n {
			m.finished(at+c*e.size()+y0*e[2], at+c*e.size()+y1*e[2])
		}
	}
}
