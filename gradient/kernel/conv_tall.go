package kernel

// tallLanes computes a correlation of one tap, of large maps and with few channels
// in its result: so few that registers hold all of them for a vector of positions.
// What there is much of, the source, is then read once and in place.
type tallLanes struct {
	*correlation
	weight, bias *[]float32  // of each group and block
	blocks       []tallBlock // of a group
	rows         int         // of these blocks
}

// tallBlock is some channels of the result, n from first on, in a kernel so high.
type tallBlock struct{ first, n, high int }

// tallTile is the task of the microkernel: for i < n ≤ high and the lanes l of some
// vectors
//
//	c[i·cRow + l] = bias[i] + Σ_p a[p·high + i] · b[p·bRow + l]
//
// On the way it prefetches from later: as many lines as it reads of b, 16 at a time
// that follow one another and then so much further on.
type tallTile struct {
	vectors, n, high, k int
	a, b, later         []float32
	bRow, further       int
	c                   []float32
	cRow                int
	bias                []float32
}

const (
	tallHigh  = 24  // channels of the highest kernel; others have 8 and 16
	tallPiece = 256 // positions: 16 lines of a channel, which are prefetched together
)

// tallLanes returns the method for this correlation, and whether it applies and is
// the best.
func (c *correlation) tallLanes(weight, bias []float32) (*tallLanes, bool) {
	if isa.tall == nil || !c.single() || c.extent.size() < tallPiece || c.extent.size()%isa.lanes != 0 || c.results > 2*tallHigh || c.channels < 2*c.results {
		return nil, false
	}
	m := &tallLanes{correlation: c}
	blocks := (c.results + tallHigh - 1) / tallHigh
	for i := range blocks {
		first, end := i*c.results/blocks, (i+1)*c.results/blocks
		b := tallBlock{first, end - first, roundUp(end-first, 8)}
		m.blocks = append(m.blocks, b)
		m.rows += b.high
	}
	m.weight, m.bias = scratch(c.group*m.rows*c.channels), scratch(c.group*m.rows)
	clear(*m.weight)
	clear(*m.bias)
	m.eachBlock(func(group, at int, b tallBlock) {
		from, to := weight[group*c.wSize+b.first*c.wr:], (*m.weight)[at*c.channels:]
		for ch := range c.channels {
			for r := range b.n {
				to[ch*b.high+r] = from[r*c.wr+ch*c.wc]
			}
		}
		if bias != nil {
			copy((*m.bias)[at:], bias[group*c.results+b.first:][:b.n])
		}
	})
	return m, true
}

// eachBlock calls f with every group's blocks and the rows before them.
func (m *tallLanes) eachBlock(f func(group, at int, b tallBlock)) {
	at := 0
	for g := range m.group {
		for _, b := range m.blocks {
			f(g, at, b)
			at += b.high
		}
	}
}

func (m *tallLanes) free() {
	release(m.weight)
	release(m.bias)
}

func (m *tallLanes) run(w *Workers, source, result []float32) {
	w.For(m.batch, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m.eachBlock(func(group, at int, b tallBlock) {
				n := i*m.group + group
				m.compute(at, b, source[n*m.sourceSize:], result[n*m.resultSize:], i+1 < hi || group+1 < m.group)
			})
			m.finished(i*m.group*m.resultSize, (i+1)*m.group*m.resultSize)
		}
	})
}

// compute computes a block for an image. The first one fetches what is next of the
// source, of the image behind it as well if there is more.
func (m *tallLanes) compute(at int, b tallBlock, source, result []float32, more bool) {
	size := m.extent.size()
	t := tallTile{n: b.n, high: b.high, k: m.channels, a: (*m.weight)[at*m.channels:], bRow: size, cRow: size, bias: (*m.bias)[at:]}
	for q := 0; q < size; q += tallPiece {
		t.vectors = min(tallPiece, size-q) / isa.lanes
		t.b, t.c = source[q:], result[b.first*size+q:]
		t.later, t.further = t.a, 0
		switch {
		case b.first > 0:
		case q+tallPiece < size:
			t.later, t.further = source[q+tallPiece:], size-tallPiece
		case more:
			t.later, t.further = source[m.sourceSize:], size-tallPiece
		}
		isa.tall(&t)
	}
}
