package kernel

// tileRowWeights computes the gradient of the weights of a 3×3 convolution by what is
// adjoint to F(2, 3) along rows, with the tiles of a row in the lanes of vectors:
//
//	x ─x·B─▶ v: for each j < 4, channel × row × tile
//	gy ─gy·Aᵀ─▶ z: for each j < 4, channel × row × tile
//	s[j]: the sum over tiles of v[j]·z[j], for each row of the kernel ─s·G─▶ gw
//
// The sums are vectors as in rowWeights, whose microkernel computes them: a chunk of
// z, of a block of its channels, lies in the first level of cache.
type tileRowWeights struct {
	*convPlan
	row           int // elements of a row of v and z
	vStep, zStep  int // from channel to channel
	vPlane, zPart int // from j to j
	xMasks, zMask []uint32
	columns       []int
	steps         *[]pair // of a chunk
	idle          idle[tileRowMemory]
}

type tileRowMemory struct{ v, z, sums *[]float32 }

// tileRowWeightsApply reports whether the method applies, and is the best.
func tileRowWeightsApply(p *convPlan) bool {
	const most = 24 // channels: with more, the sums do not stay in cache
	return inRowsOfTiles(p, p.out[2]) && max(p.ic, p.oc) <= most && min(p.ic, p.oc) >= blockChannels() && p.out[1] >= mostDots/2
}

// runTileRowWeights computes gw by this method.
func runTileRowWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	m := newTileRowWeights(p)
	defer m.free()
	p.inParts(w, 320, x, gy, gw, m.run)
}

func newTileRowWeights(p *convPlan) *tileRowWeights {
	vectors := (p.out[2]/2 + isaLanes() - 1) / isaLanes()
	m := &tileRowWeights{convPlan: p, row: vectors * isaLanes()}
	m.vStep, m.zStep = (p.out[1]+2)*m.row, p.out[1]*m.row
	m.vPlane, m.zPart = p.ic*m.vStep+planeGap, roundUp(p.oc, blockChannels())*m.zStep+planeGap
	m.xMasks = windowMasks(p.pad[2], p.in[2], m.row)
	// Of windows that begin one element before the tile, leave out the elements
	// outside: what remains of x·B, from 0, a, b and 0, is -b, a+b, b-a and a.
	m.zMask = windowMasks(1, p.out[2], m.row)
	for i := range m.zMask {
		switch i % 5 {
		case 0, 1:
			m.zMask[i] &= 0xaaaa
		case 2, 3:
			m.zMask[i] &= 0x5555
		}
	}
	for c := range p.ic {
		for dy := range 3 {
			m.columns = append(m.columns, c*m.vStep+dy*m.row)
		}
	}
	m.columns = append(m.columns, m.columns[:3]...)
	m.steps = offsets(mostDots)
	for i := range *m.steps {
		(*m.steps)[i] = pair{i * isaLanes(), i * isaLanes()}
	}
	return m
}

func (m *tileRowWeights) memory() tileRowMemory {
	b := tileRowMemory{v: scratch(4 * m.vPlane), z: scratch(4 * m.zPart), sums: scratch(4 * m.ic * roundUp(m.oc, blockChannels()) / blockChannels() * dotSums())}
	clear(*b.v) // rows outside x
	clear(*b.z) // channels beyond the last
	return b
}

func (m *tileRowWeights) free() {
	m.idle.each(func(b tileRowMemory) {
		release(b.v)
		release(b.z)
		release(b.sums)
	})
	releaseOffsets(m.steps)
}

// run computes gw for a part of the batch.
func (m *tileRowWeights) run(p *convPlan, _ *Workers, x, gy, gw []float32) {
	b := m.idle.take(m.memory)
	defer m.idle.done(b)
	for g := range p.group {
		for n := range p.batch {
			at := n*p.group + g
			m.prepare(b, x[at*p.xSize:], gy[at*p.ySize:])
			p.met(x, gy, at)
			next := at + p.group
			m.multiply(b, n > 0, n == p.batch-1, part(x, next*p.xSize, p.xSize), part(gy, next*p.ySize, p.ySize))
		}
		m.store(gw[g*p.wSize:(g+1)*p.wSize], *b.sums)
	}
}

// prepare computes v and z of an image.
func (m *tileRowWeights) prepare(b tileRowMemory, x, gy []float32) {
	// Rows first to last of those that the kernel reads lie in x.
	first, last := m.pad[1], min(m.out[1]+2, m.pad[1]+m.in[1])
	for i := 0; i < m.row; i += isaLanes() {
		masks := i / isaLanes() * 5
		if v := (*b.v)[first*m.row+i:]; first < last {
			laneCode().windows(m.ic, last-first, 1, &x[2*i], m.in.size(), m.in[2], m.pad[2], &v[0], &v[m.row], m.vStep, m.vPlane, 2*m.row, &m.xMasks[masks])
		}
		z := (*b.z)[i:]
		laneCode().windows(m.oc, m.out[1], 1, &gy[2*i], m.out.size(), m.out[2], 1, &z[0], &z[m.row], m.zStep, m.zPart, 2*m.row, &m.zMask[masks])
	}
}

// multiply adds the products of an image to the sums, or overwrites them, and fetches
// the next image.
func (m *tileRowWeights) multiply(b tileRowMemory, add, end bool, x, gy []float32) {
	sums := *b.sums
	blocks := roundUp(m.oc, blockChannels()) / blockChannels()
	pieces := (m.zStep + mostDots*isaLanes() - 1) / (mostDots * isaLanes())
	quota := (len(x) + len(gy)) / (4 * blocks * pieces)
	t := dotTile{aRow: m.zStep, col: m.columns}
	for j := range 4 {
		for r := 0; r < m.oc; r += blockChannels() {
			t.sums = sums[:m.ic*dotSums()]
			sums = sums[len(t.sums):]
			for q := 0; q < m.zStep; q += mostDots * isaLanes() {
				t.step = (*m.steps)[:min(mostDots, (m.zStep-q)/isaLanes())]
				t.a, t.b = (*b.z)[tilePlace[j]*m.zPart+r*m.zStep+q:], (*b.v)[j*m.vPlane+q:]
				t.add, t.end = add || q > 0, end && q+mostDots*isaLanes() >= m.zStep
				if len(x) == 0 {
					x, gy = gy, nil
				}
				t.later = x[:min(quota, len(x))]
				x = x[len(t.later):]
				t.run()
			}
		}
	}
}

// tilePlace is the plane of z for each j.
var tilePlace = [4]int{3, 1, 2, 0}

// store writes the weights of a group.
func (m *tileRowWeights) store(gw, sums []float32) {
	blocks := roundUp(m.oc, blockChannels()) / blockChannels()
	plane := blocks * m.ic * dotSums() // from j to j
	for o := range m.oc {
		from := sums[o/blockChannels()*m.ic*dotSums()+o%blockChannels():]
		to := gw[o*m.ic*9 : (o+1)*m.ic*9]
		for i := 0; i < len(to); i += 3 {
			at := i/9*dotSums() + i/3%3*isaLanes()
			s0, s1, s2, s3 := from[at], from[at+plane], from[at+2*plane], from[at+3*plane]
			even := 0.5 * (s1 - s2) // z[2] has the other sign
			to[i], to[i+1], to[i+2] = s0+even, 0.5*(s1+s2), s3+even
		}
	}
}
