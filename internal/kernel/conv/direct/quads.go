package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// quadLanes computes a correlation with a 1×1 kernel of images of four positions. The four
// elements of a channel are a quad, and stay together. The correlation is a matrix product
// with the quads of all images side by side. They are transposed on the way there and back.
type quadLanes struct {
	*plan.Correlation
	weight micro.Matrix // of a group
	bias   []float32    // nil for none
	packed []float32    // panels of quads of some images, a row for each channel
	images int          // of these
	panels micro.Panels // of their columns
}

// QuadsApply reports whether the method applies.
func QuadsApply(c *plan.Correlation) bool {
	return simd.HasQuads() && c.Pointwise() && c.Extent.Size() == simd.Quad
}

// RunQuads computes a correlation by this method. bias may be nil.
func RunQuads(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	most := max(1, simd.CacheL2/2/4/(simd.Quad*c.Channels)) // images
	times := (c.Batch + most - 1) / most
	images := min(c.Batch, simd.RoundUp((c.Batch+times-1)/times, simd.Lanes()/simd.Quad))
	packed := scratch.Floats(simd.RoundUp(simd.Quad*images, simd.Lanes())*c.Channels + simd.PackSlack)
	defer scratch.Free(packed)
	rows := 64 // rows of the result for a thread
	if c.Results < 8*rows {
		rows /= 2
	}
	parts := (c.Results + rows - 1) / rows
	for g := range c.Group {
		m := quadLanes{Correlation: c, weight: micro.Matrix{X: weight[g*c.WSize:], RowStride: c.Wr, ColStride: c.Wc}, packed: *packed}
		if bias != nil {
			m.bias = bias[g*c.Results:]
		}
		if c.Wc != 1 {
			strips := scratch.Floats(simd.RoundUp(c.Results, micro.Rows())*c.Channels + simd.PackSlack)
			defer scratch.Free(strips)
			m.packWeight(w, *strips)
		}
		for n := 0; n < c.Batch; n += images {
			m.images = min(images, c.Batch-n)
			m.panels = micro.NewPanels(simd.Quad * m.images)
			at := n*c.Group + g
			w.For(m.panels.Count(), parallel.GrainOf(micro.Vecs()*simd.Lanes()*c.Channels), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					m.gather(i, source[at*c.SourceSize:])
				}
			})
			w.For(parts, 1, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					r0, r1 := i*rows, min((i+1)*rows, c.Results)
					m.rows(r0, r1, result[at*c.ResultSize:])
					for k := range m.images {
						first := (at + k*c.Group) * c.ResultSize
						c.Finished(first+r0*simd.Quad, first+r1*simd.Quad)
					}
				}
			})
		}
	}
}

// packWeight packs the weights of all rows, one strip after another. It reads them in
// order.
func (m *quadLanes) packWeight(w *parallel.Workers, strips []float32) {
	from := m.weight
	m.weight = micro.Matrix{X: strips, RowStride: 0, ColStride: 0}
	w.For((m.Channels+micro.PackBand-1)/micro.PackBand, parallel.GrainOf(micro.PackBand*m.Results), func(lo, hi int) {
		for k := lo * micro.PackBand; k < min(hi*micro.PackBand, m.Channels); k += micro.PackBand {
			for r := 0; r < m.Results; r += micro.Rows() {
				micro.PackRows(strips[r*m.Channels+k*micro.Rows():], micro.Rows(), from, r, min(micro.Rows(), m.Results-r), k, min(micro.PackBand, m.Channels-k), 1)
			}
		}
	})
}

// gather packs a panel of quads.
func (m *quadLanes) gather(panel int, source []float32) {
	j0, j1 := m.panels.At(panel)
	width, step := simd.RoundUp(j1-j0, simd.Lanes()), m.Group*m.SourceSize
	simd.TransposeQuads(m.packed[j0*m.Channels:], width, source[j0/simd.Quad*step:], step, (j1-j0)/simd.Quad, m.Channels)
}

// rows computes rows r0 to r1 of the result. It computes a part of the sum for all of these
// rows before the next part, while the L1 cache holds what they read of a panel.
func (m *quadLanes) rows(r0, r1 int, result []float32) {
	out := scratch.Floats((r1 - r0) * micro.Vecs() * simd.Lanes())
	defer scratch.Free(out)
	parts := (m.Channels + micro.DepthStep - 1) / micro.DepthStep
	depth := simd.RoundUp((m.Channels+parts-1)/parts, micro.Unroll)
	step := m.Group * m.ResultSize
	for i := range m.panels.Count() {
		j0, j1 := m.panels.At(i)
		width := simd.RoundUp(j1-j0, simd.Lanes())
		s := micro.Strip{Cols: j1 - j0, Panels: micro.NewPanels(j1 - j0), Ldc: width, Lda: micro.Rows()}
		for k := 0; k < m.Channels; k += depth {
			s.K, s.B = min(depth, m.Channels-k), m.packed[j0*m.Channels+k*width:]
			for r := r0; r < r1; r += micro.Rows() {
				s.Rows, s.C, s.Init = min(micro.Rows(), r1-r), (*out)[(r-r0)*width:], micro.InitFrom(k > 0)
				if k == 0 && m.bias != nil {
					s.Init, s.Bias = micro.InitRowBias, m.bias[r:]
				}
				if m.weight.ColStride == 1 {
					s.A, s.Lda, s.ByRows = m.weight.X[r*m.weight.RowStride+k:], m.weight.RowStride, true
				} else {
					s.A = m.weight.X[r*m.Channels+k*micro.Rows():]
				}
				s.Run()
			}
		}
		simd.TransposeQuads(result[j0/simd.Quad*step+r0*simd.Quad:], step, *out, width, r1-r0, (j1-j0)/simd.Quad)
	}
}
