package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// positionLanes computes a correlation of stride 1 with positions in the lanes of a vector.
// An element of the kernel reads the framed source at a constant distance from the position
// in the result, so a whole image is one run of vectors. If the frame has a border, the run
// has additional positions at the end of each row, which are dropped.
type positionLanes struct {
	*plan.Correlation
	weight []float32
	bias   *[]float32    // of each group, padded to whole tiles; nil for no bias
	row    *[]micro.Pair // offsets of the result's channels in weight and result
	step   *[]micro.Pair // offsets of channels and taps in weight and source
	base   int           // of the steps in source
	length int           // of the run
	direct bool          // nothing to drop: the run is the result
}

// packedRows is how many rows a tile needs for it to be worth packing the panel of B that
// the rows share.
func packedRows() int { return 3 * micro.Rows() }

func newPositionLanes(c *plan.Correlation, weight, bias []float32) *positionLanes {
	f := &c.Phases[0]
	m := &positionLanes{Correlation: c, weight: weight, row: scratch.Pairs(simd.RoundUp(c.Results, micro.Rows())), step: scratch.Pairs(c.Channels * len(f.Taps)), length: c.RunLength()}
	m.direct = m.length == c.Extent.Size()
	m.base = c.SourceSteps(f, func(p, at, ch int, t plan.Tap) { (*m.step)[p] = micro.Pair{ch*c.Wc + t.Index, at} })
	for i := range c.Results {
		(*m.row)[i] = micro.Pair{i * c.Wr, i * m.length}
	}
	micro.PadRows(*m.row, c.Results)
	if bias != nil {
		m.bias = scratch.Floats(c.Group * len(*m.row))
		for g := range c.Group {
			copy((*m.bias)[g*len(*m.row):], bias[g*c.Results:(g+1)*c.Results])
		}
	}
	return m
}

func (m *positionLanes) free() {
	scratch.FreePairs(m.row)
	scratch.FreePairs(m.step)
	if m.bias != nil {
		scratch.Free(m.bias)
	}
}

func (m *positionLanes) atOnce() int { return 1 }

func (m *positionLanes) compute(w *parallel.Workers, group, _ int, source, result []float32) {
	out := result
	if !m.direct {
		buf := scratch.Floats(m.Results * m.length)
		defer scratch.Free(buf)
		out = *buf
	}
	t := micro.Tile{Row: *m.row, Rows: m.Results, A: m.weight[group*m.WSize:]}
	if m.bias != nil {
		t.Init, t.Bias = micro.InitRowBias, (*m.bias)[group*len(*m.row):]
	}
	columns := micro.NewSplit(m.length)
	w.For(columns.Panels, 1, func(lo, hi int) {
		t := t
		for i := lo; i < hi; i++ {
			j0, j1 := columns.Panel(i)
			t.Cols, t.B, t.C = j1-j0, source[m.base+j0:], out[j0:]
			if m.Results <= packedRows() {
				t.RunInSteps(*m.step)
			} else {
				m.packed(t)
			}
		}
	})
	if !m.direct {
		m.dropBorders(result, out)
	}
}

// packed computes a tile with many rows. All of them read the panel of B, so it is packed
// first.
func (m *positionLanes) packed(t micro.Tile) {
	width := simd.RoundUp(t.Cols, simd.Lanes())
	panel, steps := scratch.Floats(micro.DepthStep*width), scratch.Pairs(micro.DepthStep)
	defer scratch.Free(panel)
	defer scratch.FreePairs(steps)
	b := t.B
	t.B = *panel
	for p := 0; p < len(*m.step); p += micro.DepthStep {
		part := (*m.step)[p:min(p+micro.DepthStep, len(*m.step))]
		t.Step = (*steps)[:len(part)]
		for i, s := range part {
			t.Step[i] = micro.Pair{s[0], i * width}
		}
		if m.Taps == 1 { // a channel after the other, at equal distances
			simd.CopyRows(*panel, width, b[part[0][1]:], m.Source.Extent.Size(), len(part), t.Cols)
		} else {
			for i, s := range part {
				copy((*panel)[i*width:i*width+t.Cols], b[s[1]:])
			}
		}
		t.Run()
		t.Init = micro.InitC
	}
}

// dropBorders copies the run of each channel to the result, without the additional
// positions.
func (m *positionLanes) dropBorders(result, out []float32) {
	e := m.Extent
	for i := range m.Results * e[0] {
		from := i/e[0]*m.length + m.Source.Extent.At(window.Vec3{i % e[0], 0, 0})
		simd.CopyRows(result[i*e[1]*e[2]:], e[2], out[from:], m.Source.Extent[2], e[1], e[2])
	}
}

// PositionsCost returns what the method costs for an image, in multiplications of vectors,
// and whether it applies.
func PositionsCost(c *plan.Correlation) (positions int, ok bool) {
	if len(c.Phases) != 1 || c.Phases[0].Stride != (window.Vec3{1, 1, 1}) || len(c.Phases[0].Taps) == 0 {
		return 0, false
	}
	depth := c.Channels * c.Taps
	run, size := c.RunLength(), c.Extent.Size()
	vectors := func(n int) int { return (n + simd.Lanes() - 1) / simd.Lanes() }
	positions = vectors(run) * c.Results * (depth + 6)
	if run != size {
		positions += vectors(run) * c.Results * 16 // to drop borders
	}
	if c.Results > packedRows() {
		positions += vectors(run) * depth * 4 // to pack
	}
	if vectors(run) < micro.Vecs() {
		positions += positions / 4 // tiles too narrow
	}
	return positions, true
}

// RunPositions computes a correlation by this method. bias may be nil.
func RunPositions(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	runFewImages(c, newPositionLanes(c, weight, bias), w, source, result)
}
