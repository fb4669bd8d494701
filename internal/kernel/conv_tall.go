package kernel

// tallLanes computes a correlation of one tap, of large maps and with few channels
// in its result: so few that registers hold all of them for a vector of positions.
// What there is much of, the source, is then read once and in place.
type tallLanes struct {
	*correlation
	high         int        // of the kernel
	weight, bias *[]float32 // of each group, high for every channel of the source
}

// tallPiece is how many positions are computed at a time: 16 lines of a channel, which
// are prefetched together.
const tallPiece = 256

// tallLanesApply reports whether the method applies, and is the best.
func tallLanesApply(c *correlation) bool {
	return hasTall() && c.pointwise() && c.extent.size() >= tallPiece && c.extent.size()%isaLanes() == 0 && c.results <= tallHigh && c.channels >= 2*c.results
}

// newTallLanes packs the weights.
func newTallLanes(c *correlation, weight, bias []float32) *tallLanes {
	m := &tallLanes{correlation: c, high: roundUp(c.results, 8)}
	m.weight, m.bias = scratch(c.group*c.channels*m.high), scratch(c.group*m.high)
	clear(*m.weight)
	clear(*m.bias)
	for g := range c.group {
		from, to := weight[g*c.wSize:], (*m.weight)[g*c.channels*m.high:]
		for ch := range c.channels {
			for r := range c.results {
				to[ch*m.high+r] = from[r*c.wr+ch*c.wc]
			}
		}
		if bias != nil {
			copy((*m.bias)[g*m.high:], bias[g*c.results:][:c.results])
		}
	}
	return m
}

func (m *tallLanes) free() {
	release(m.weight)
	release(m.bias)
}

// runTallLanes computes the correlation by this method.
func runTallLanes(c *correlation, w *Workers, source, weight, bias, result []float32) {
	m := newTallLanes(c, weight, bias)
	defer m.free()
	w.For(m.batch*m.group, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m.compute(i%m.group, source[i*m.sourceSize:], result[i*m.resultSize:], i+1 < hi)
			m.finished(i*m.resultSize, (i+1)*m.resultSize)
		}
	})
}

// compute computes an image of a group, and fetches what is next of the source, of
// the image behind it as well if there is more.
func (m *tallLanes) compute(group int, source, result []float32, more bool) {
	size := m.extent.size()
	t := tallTile{n: m.results, high: m.high, k: m.channels, a: (*m.weight)[group*m.channels*m.high:], bRow: size, cRow: size, bias: (*m.bias)[group*m.high:]}
	for q := 0; q < size; q += tallPiece {
		t.vectors = min(tallPiece, size-q) / isaLanes()
		t.b, t.c = source[q:], result[q:]
		switch {
		case q+tallPiece < size:
			t.later, t.further = source[q+tallPiece:], size-tallPiece
		case more:
			t.later, t.further = source[m.sourceSize:], size-tallPiece
		default:
			t.later, t.further = t.a, 0
		}
		t.run()
	}
}
