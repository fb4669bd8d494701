package winograd

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// tileRows computes a correlation with a 3×3 kernel by Winograd's F(2, 3) along rows, with
// the tiles of a row in the lanes of vectors:
//
//	source ─x·B, row by row─▶ v: for each j < 4, row × channel × tile
//	the sum over rows of the kernel of u[j]·v[j] ─▶ p[j] ─p·A─▶ result
//
// It takes 2/3 of the multiplications of direct summation, where tileLanes takes 4/9. But
// it has less to transform, and what a product reads and writes stays in the L1 cache. With
// few channels this is worth more.
type tileRows struct {
	*plan.Correlation
	before    window.Vec3 // how far before the image the result at position 0 begins to read
	outs      int         // channels of the result, in whole blocks
	vectors   int         // vectors of the tiles of a row
	rows      int         // rows of the result in a unit
	row       int         // elements of a row of v
	vPlane    int         // distance between planes j
	uGroup    int         // elements of the weights of a group
	u, bias   *[]float32
	masks     []uint32 // see assembled
	maskWords int
}

// inRowsOfTiles reports whether the algorithm applies and the tiles of rows with the given
// number of outputs fill vectors well.
func inRowsOfTiles(p *plan.Conv, outputs int) bool {
	vector := 2 * simd.Lanes()
	return laneCode() != nil && tiled(p) && (outputs%vector == 0 || outputs < vector && outputs > vector*3/4)
}

// TileRowsApply reports whether the method applies and is the best.
func TileRowsApply(c *plan.Correlation) bool {
	const few = 4 // channels
	many := forLanes(48, 24)
	return inRowsOfTiles(c.Conv, c.Extent[2]) && min(c.Channels, c.Results/2) >= few && max(c.Channels, c.Results) <= many
}

// newTileRows transforms the weights.
func newTileRows(c *plan.Correlation, weight, bias []float32) *tileRows {
	m := &tileRows{Correlation: c, before: beforeTiles(c), outs: simd.RoundUp(c.Results, micro.Channels())}
	m.vectors = (c.Extent[2]/2 + simd.Lanes() - 1) / simd.Lanes()
	m.row = m.vectors * c.Channels * simd.Lanes()
	const space = 1 << 16 // elements of v: a quarter of the L2 cache
	m.rows = min(c.Extent[1], max(3, space/(4*m.row)))
	m.vPlane = (m.rows+2)*m.row + planeGap
	m.masks, m.maskWords = assembled(windowMasks(m.before[2], c.Source.In[2], m.vectors*simd.Lanes()))
	m.bias = biasOf(c, bias, m.outs)
	m.uGroup = 4 * 3 * m.Channels * m.outs
	var ready bool
	m.u, ready = c.Form(c.Group * m.uGroup)
	for g := 0; g < c.Group && !ready; g++ {
		m.transformWeight((*m.u)[g*m.uGroup:], weight[g*m.WSize:])
	}
	return m
}

// transformWeight computes u of a group. The order of its axes is block of channels of the
// result, j, row of the kernel, channel of the source, channel of the block.
func (m *tileRows) transformWeight(u, weight []float32) {
	n := micro.Channels()
	transform := portableTransforms[winoWeight2].apply
	for r := range m.outs {
		block := u[r/n*4*3*m.Channels*n+r%n:]
		for row := range 3 {
			for ch := range m.Channels {
				var w [6]float32
				for i := 0; i < 3 && r < m.Results; i++ {
					t := 3*row + i
					if m.Adjoint {
						t = 8 - t
					}
					w[i] = weight[r*m.Wr+ch*m.Wc+t]
				}
				for j, x := range transform(&w) {
					if j < 4 {
						block[((j*3+row)*m.Channels+ch)*n] = x
					}
				}
			}
		}
	}
}

func (m *tileRows) free() {
	m.FreeForm(m.u)
	scratch.Free(m.bias)
}

// RunTileRows computes a correlation by this method. bias may be nil.
func RunTileRows(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newTileRows(c, weight, bias)
	defer m.free()
	high := m.Extent[1]
	parts := (high + m.rows - 1) / m.rows
	w.For(m.Batch*m.Group*parts, 1, func(lo, hi int) {
		v, p := scratch.Floats(4*m.vPlane), scratch.Floats(3*micro.Channels()*mostVectors*simd.Lanes())
		defer scratch.Free(v)
		defer scratch.Free(p)
		for i := lo; i < hi; i++ {
			image, y0 := i/parts, i%parts*m.rows
			y1 := min(y0+m.rows, high)
			m.load(*v, source[image*m.SourceSize:], y0, y1)
			var ahead lookAhead
			if parts == 1 {
				ahead.from[0] = plan.SliceUpTo(source, (image+1)*m.SourceSize, m.SourceSize)
				ahead.from[1] = plan.SliceUpTo(result, image*m.ResultSize, m.ResultSize)
				for _, x := range m.Prefetch {
					ahead.from[2] = plan.SliceUpTo(x, image*m.ResultSize, m.ResultSize)
				}
			}
			m.compute(&ahead, *v, *p, result, image, y0, y1)
		}
	})
}

// load computes v for rows y0 to y1 of the result.
func (m *tileRows) load(v, source []float32, y0, y1 int) {
	all := y1 - y0 + 2
	first := min(max(0, m.before[1]-y0), all) // rows first to last are inside the image
	last := max(first, min(all, m.Source.In[1]+m.before[1]-y0))
	for j := range 4 {
		plane := v[j*m.vPlane : j*m.vPlane+all*m.row]
		clear(plane[:first*m.row])
		clear(plane[last*m.row:])
	}
	if first == last {
		return
	}
	from := source[(y0+first-m.before[1])*m.Source.In[2]:]
	for i := range m.vectors {
		to := first*m.row + i*m.Channels*simd.Lanes()
		laneCode().windows(m.Channels, last-first, 1, &from[2*i*simd.Lanes()], m.Source.In.Size(), m.Source.In[2], m.before[2], &v[to], &v[to+m.row], simd.Lanes(), m.vPlane, 2*m.row, &m.masks[i*m.maskWords])
	}
}

// compute computes rows y0 to y1 of the result of an image. image counts images times
// groups.
func (m *tileRows) compute(ahead *lookAhead, v, p, result []float32, image, y0, y1 int) {
	e, g := m.Extent, image%m.Group
	vectors := (y1 - y0) * m.vectors
	outputs := min(e[2], 2*simd.Lanes()) // of a vector
	ahead.spread(m.outs / micro.Channels() * (vectors + 2) / 3)
	for r := 0; r < m.Results; r += micro.Channels() {
		n, at := min(micro.Channels(), m.Results-r), image*m.ResultSize+r*e.Size()
		weight, bias := &(*m.u)[g*m.uGroup+r*4*3*m.Channels], &(*m.bias)[g*m.outs+r]
		for i := 0; i < vectors; {
			width := panelWidth(vectors - i)
			prefetch, rate := ahead.next(4*3*m.Channels, weight)
			laneCode().rows[width-1](n, m.Channels, weight, &v[i*m.Channels*simd.Lanes()], m.row, m.vPlane, &p[0], bias,
				&result[at+y0*e[2]+i*outputs], e.Size(), outputs, outputs, micro.Channels(), simd.Lanes(), m.Channels*simd.Lanes(),
				prefetch[0], prefetch[1], prefetch[2], rate[0], rate[1], rate[2])
			i += width
		}
		if y1-y0 == e[1] {
			m.Finished(at, at+n*e.Size())
			continue
		}
		for c := range n {
			m.Finished(at+c*e.Size()+y0*e[2], at+c*e.Size()+y1*e[2])
		}
	}
}
