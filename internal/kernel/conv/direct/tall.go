package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// tallLanes computes a correlation with a 1×1 kernel on large maps whose result has few
// channels: so few that registers hold all of them for a vector of positions. The source,
// which is most of the data, is read once and in place.
type tallLanes struct {
	*plan.Correlation
	high         int        // of the kernel
	weight, bias *[]float32 // of each group, high for every channel of the source
}

// tallPiece is how many positions are computed at a time: 16 cache lines of a channel,
// which are prefetched together.
const tallPiece = 256

// TallApplies reports whether the method applies, and is the best.
func TallApplies(c *plan.Correlation) bool {
	return micro.HasTall() && c.Pointwise() && c.Extent.Size() >= tallPiece && c.Extent.Size()%simd.Lanes() == 0 && c.Results <= micro.TallHigh && c.Channels >= 2*c.Results
}

// newTallLanes packs the weights.
func newTallLanes(c *plan.Correlation, weight, bias []float32) *tallLanes {
	m := &tallLanes{Correlation: c, high: simd.RoundUp(c.Results, 8)}
	m.weight, m.bias = scratch.Floats(c.Group*c.Channels*m.high), scratch.Floats(c.Group*m.high)
	clear(*m.weight)
	clear(*m.bias)
	for g := range c.Group {
		from, to := weight[g*c.WSize:], (*m.weight)[g*c.Channels*m.high:]
		for ch := range c.Channels {
			for r := range c.Results {
				to[ch*m.high+r] = from[r*c.Wr+ch*c.Wc]
			}
		}
		if bias != nil {
			copy((*m.bias)[g*m.high:], bias[g*c.Results:][:c.Results])
		}
	}
	return m
}

func (m *tallLanes) free() {
	scratch.Free(m.weight)
	scratch.Free(m.bias)
}

// RunTall computes a correlation by this method. bias may be nil.
func RunTall(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newTallLanes(c, weight, bias)
	defer m.free()
	w.For(m.Batch*m.Group, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			m.compute(i%m.Group, source[i*m.SourceSize:], result[i*m.ResultSize:], i+1 < hi)
			m.Finished(i*m.ResultSize, (i+1)*m.ResultSize)
		}
	})
}

// compute computes an image of a group. It prefetches what is next of the source, including
// the next image if there is one.
func (m *tallLanes) compute(group int, source, result []float32, more bool) {
	size := m.Extent.Size()
	t := micro.TallTile{N: m.Results, High: m.high, K: m.Channels, A: (*m.weight)[group*m.Channels*m.high:], BRow: size, CRow: size, Bias: (*m.bias)[group*m.high:]}
	for q := 0; q < size; q += tallPiece {
		t.Vectors = min(tallPiece, size-q) / simd.Lanes()
		t.B, t.C = source[q:], result[q:]
		switch {
		case q+tallPiece < size:
			t.Prefetch, t.Gap = source[q+tallPiece:], size-tallPiece
		case more:
			t.Prefetch, t.Gap = source[m.SourceSize:], size-tallPiece
		default:
			t.Prefetch, t.Gap = t.A, 0
		}
		t.Run()
	}
}
