package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// channelLanes computes a correlation with the channels of the result in the lanes of a
// vector. The microkernel broadcasts source elements from wherever they are, so stride,
// dilation and the width of the image cost nothing. The result has the channels last and is
// transposed at the end. Several small images are computed at a time, so that the weights
// are read less often.
type channelLanes struct {
	*plan.Correlation
	micro.Split
	weight *[]float32 // for each group and panel, a row for each channel and tap
	bias   []float32  // nil for no bias
	pitch  int        // elements of a result position
	images int        // computed at a time
	tables []phaseTables
}

// phaseTables holds the tables of a phase for [micro.Tile].
type phaseTables struct {
	row   *[]micro.Pair // offsets of the positions of all images in source and result
	n     int           // positions of one image
	step  *[]micro.Pair // offset in source, row of weight
	empty bool          // no taps at all
}

// rowBlock is how many positions are computed with all weights before the next ones: a
// multiple of every height of a tile.
const rowBlock = 192

func newChannelLanes(c *plan.Correlation, weight, bias []float32) *channelLanes {
	m := &channelLanes{Correlation: c, Split: micro.NewSplit(c.Results), bias: bias, pitch: simd.RoundUp(c.Results, 8)}
	m.images = max(1, min(c.Batch, rowBlock/c.Extent.Size()))
	m.packWeight(weight)
	for i := range c.Phases {
		m.tables = append(m.tables, m.phaseTables(&c.Phases[i]))
	}
	return m
}

func (m *channelLanes) phaseTables(f *plan.Phase) phaseTables {
	n := f.Count.Size()
	t := phaseTables{scratch.Pairs(simd.RoundUp(m.images*n, micro.Rows())), n, scratch.Pairs(m.Channels * len(f.Taps)), len(f.Taps) == 0}
	base := m.SourceSteps(f, func(p, at, ch int, tap plan.Tap) { (*t.step)[p] = micro.Pair{at, ch*m.Taps + tap.Index} })
	for q := range n {
		i := f.Count.Position(q)
		var to window.Vec3
		from := base
		for a, size := range (window.Vec3{m.Source.Extent[1] * m.Source.Extent[2], m.Source.Extent[2], 1}) {
			from += i[a] * f.Stride[a] * size
			to[a] = f.First[a] + i[a]*f.Step[a]
		}
		for image := range m.images {
			(*t.row)[image*n+q] = micro.Pair{image*m.SourceStep() + from, (image*m.Extent.Size() + m.Extent.At(to)) * m.pitch}
		}
	}
	micro.PadRows(*t.row, m.images*n)
	return t
}

func (m *channelLanes) depth() int { return m.Channels * m.Taps }

// panelAt returns where a panel of a group begins in the packed weights.
func (m *channelLanes) panelAt(group, panel int) int {
	j0, _ := m.Panel(panel)
	return (group*simd.RoundUp(m.Results, simd.Lanes()) + j0) * m.depth()
}

func (m *channelLanes) packWeight(weight []float32) {
	var ready bool
	m.weight, ready = m.Form(m.panelAt(m.Group, 0) + simd.PackSlack)
	for g := 0; g < m.Group && !ready; g++ {
		from := weight[g*m.WSize:]
		for i := range m.Panels {
			j0, j1 := m.Panel(i)
			width := simd.RoundUp(j1-j0, simd.Lanes())
			to := (*m.weight)[m.panelAt(g, i):]
			if m.Wc == m.Taps { // channel and tap are one axis
				micro.Matrix{X: from, RowStride: 1, ColStride: m.Wr}.Pack(to, 0, m.depth(), j0, j1, width)
				continue
			}
			for ch := range m.Channels {
				micro.Matrix{X: from[ch*m.Wc:], RowStride: 1, ColStride: m.Wr}.Pack(to[ch*m.Taps*width:], 0, m.Taps, j0, j1, width)
			}
		}
	}
}

func (m *channelLanes) free() {
	m.FreeForm(m.weight)
	for _, f := range m.tables {
		scratch.FreePairs(f.row)
		scratch.FreePairs(f.step)
	}
}

func (m *channelLanes) atOnce() int { return m.images }

func (m *channelLanes) compute(w *parallel.Workers, group, images int, source, result []float32) {
	size := m.Extent.Size()
	out := scratch.Floats(images * size * m.pitch)
	defer scratch.Free(out)
	for _, f := range m.tables {
		row := *f.row
		if images < m.images { // the rest of the table is for images that do not exist
			part := scratch.Pairs(simd.RoundUp(images*f.n, micro.Rows()))
			defer scratch.FreePairs(part)
			copy(*part, row)
			row = *part
			micro.PadRows(row, images*f.n)
		}
		if !f.empty {
			m.positions(w, *f.step, row, images*f.n, group, source, *out)
			continue
		}
		for _, r := range row[:images*f.n] {
			clear((*out)[r[1] : r[1]+m.Results])
		}
	}
	for i := range images {
		simd.TransposeAll(result[i*m.Group*m.ResultSize:], size, (*out)[i*size*m.pitch:], m.pitch, size, m.Results)
	}
}

// positions computes all channels of n positions of a phase.
func (m *channelLanes) positions(w *parallel.Workers, step, row []micro.Pair, n, group int, source, out []float32) {
	blocks := (n + rowBlock - 1) / rowBlock
	w.For(blocks*m.Panels, 1, func(lo, hi int) {
		steps := scratch.Pairs(len(step))
		defer scratch.FreePairs(steps)
		width := 0
		for i := lo; i < hi; i++ {
			q := i / m.Panels * rowBlock
			j0, j1 := m.Panel(i % m.Panels)
			t := micro.Tile{Row: row[q:], Rows: min(rowBlock, n-q), Cols: j1 - j0, A: source, B: (*m.weight)[m.panelAt(group, i%m.Panels):], C: out[j0:]}
			if m.bias != nil {
				t.Init, t.Bias = micro.InitColumnBias, m.bias[group*m.Results+j0:]
			}
			if w := simd.RoundUp(t.Cols, simd.Lanes()); w != width {
				width = w
				for p, s := range step {
					(*steps)[p] = micro.Pair{s[0], s[1] * width}
				}
			}
			t.RunInSteps(*steps)
		}
	})
}

// ChannelsCost returns what the method costs for an image, including the transposition, in
// multiplications of vectors.
func ChannelsCost(c *plan.Correlation) int {
	cost, vectors := 0, (c.Results+simd.Lanes()-1)/simd.Lanes()
	for i := range c.Phases {
		f := &c.Phases[i]
		cost += f.Count.Size() * (c.Channels*len(f.Taps) + 14)
	}
	return vectors * cost
}

// RunChannels computes a correlation by this method. bias may be nil.
func RunChannels(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	runFewImages(c, newChannelLanes(c, weight, bias), w, source, result)
}
