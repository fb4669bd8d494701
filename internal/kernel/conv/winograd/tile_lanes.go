package winograd

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// tileLanes computes a correlation by Winograd's F(2×2, 3×3) with tiles in the lanes of a
// vector. Unlike the method with channels in the lanes, it transposes neither source nor
// result. The tiles of an image are numbered row by row and fill whole vectors. For a unit,
// which is some images or some tile rows of one image, the data flow is
//
//	source ─x·B, row by row─▶ windows ─Bᵀ─▶ v: for each ξ, channel × tile
//	u[ξ]·v[ξ] ─▶ p[ξ]: result × tile ─Aᵀ·A─▶ result
type tileLanes struct {
	*plan.Correlation
	winoTiling
	before  window.Vec3 // what position 0 of the result reads lies this far before the image
	outs    int         // channels of the result, in whole vectors
	pitch   int         // distance between channels of v and p
	u, bias *[]float32

	uPlane, vPlane, pPlane int // distances between matrices ξ

	masks     []uint32 // see assembled
	maskWords int
	half      int   // elements of the even rows of the windows of a channel
	inPlace   bool  // outputs are written to their places, 8 at a time
	to        []int // these places, for each vector of a unit
}

// TileLanesApply reports whether the method applies and is the best.
func TileLanesApply(c *plan.Correlation) bool {
	const few = 16 // channels
	many := forLanes(micro.DirectDepth, 40)
	if c.Adjoint {
		many = forLanes(96, 24) // with more, F(4×4, 3×3) is faster
	}
	if laneCode() == nil || !tiled(c.Conv) || min(c.Channels, c.Results) < few || c.Channels > many || c.Adjoint && c.Results > many {
		return false
	}
	t := tileLanesTiling(c)
	return 2*t.rows*t.wide >= vectorsOf(t, t.rows)*simd.Lanes()
}

// tileLanesTiling returns the units of the method.
func tileLanesTiling(c *plan.Correlation) winoTiling {
	const space = 1 << 16 // elements of v: a quarter of the L2 cache
	t := newWinoTiling(winoAccurate, c.Extent, max(48, space/(winoAccurate.products()*c.Channels)))
	if t.images > 3 {
		t.images -= t.images % 3 // the products are the fastest with three vectors
	}
	return t
}

// newTileLanes transforms the weights.
func newTileLanes(c *plan.Correlation, w *parallel.Workers, weight, bias []float32) *tileLanes {
	m := &tileLanes{Correlation: c, winoTiling: tileLanesTiling(c), before: beforeTiles(c), outs: simd.RoundUp(c.Results, simd.Lanes())}
	vectors := m.vectorsOf(m.rows)
	// An odd number of cache lines, so that channels do not compete for cache sets.
	m.pitch = (m.images*vectors | 1) * simd.Lanes()
	m.uPlane = c.Group*c.Channels*m.outs + planeGap
	m.vPlane = c.Channels*m.pitch + planeGap
	m.pPlane = m.outs*m.pitch + planeGap
	m.half = simd.RoundUp((m.rows+1)*m.wide, simd.Lanes())
	m.masks, m.maskWords = assembled(windowMasks(m.before[2], c.Source.In[2], m.wide))
	m.placeOutputs()
	m.transformWeight(w, weight)
	m.bias = biasOf(c, bias, m.outs)
	return m
}

// vectorsOf returns how many vectors the tiles of some tile rows fill.
func (m *tileLanes) vectorsOf(rows int) int { return vectorsOf(m.winoTiling, rows) }

func vectorsOf(t winoTiling, rows int) int { return (rows*t.wide + simd.Lanes() - 1) / simd.Lanes() }

// placeOutputs decides where outputs go: directly to every other row of an image, if no 8
// outputs of a unit belong to two rows or to none; otherwise to a buffer, one vector after
// another.
func (m *tileLanes) placeOutputs() {
	e := m.Extent
	whole := func(rows int) bool { return rows*m.wide%simd.Lanes() == 0 }
	m.inPlace = e[1]%2 == 0 && e[2]%8 == 0 && whole(m.rows) && whole(m.high%m.rows)
	image := 2 * m.vectorsOf(m.rows) * simd.Lanes() // outputs of one parity of rows
	m.to = make([]int, m.images*image/8)
	for i := range m.to {
		m.to[i] = 8 * i
		if m.inPlace {
			q := 8 * i % image
			m.to[i] = 8*i/image*m.Group*m.ResultSize + q/e[2]*2*e[2] + q%e[2]
		}
	}
}

// transformWeight computes u: for each ξ and channel, a row of all results.
func (m *tileLanes) transformWeight(w *parallel.Workers, weight []float32) {
	var ready bool
	if m.u, ready = m.Form(winoAccurate.products() * m.uPlane); ready {
		return
	}
	w.For(m.Group*m.Channels, parallel.GrainOf(9*m.outs), func(lo, hi int) {
		packed := scratch.Floats(9*m.outs + simd.PackSlack)
		defer scratch.Free(packed)
		for i := lo; i < hi; i++ {
			g, ch := i/m.Channels, i%m.Channels
			micro.Matrix{X: weight[g*m.WSize+ch*m.Wc:], RowStride: 1, ColStride: m.Wr}.Pack(*packed, 0, 9, 0, m.Results, m.outs)
			runTransform(winoWeight2, &winoArgs{
				tiles: 1, channels: m.outs,
				src: *packed, from: tapLayout(m.Correlation, m.outs),
				dst: *m.u, to: winoLayout{at: i * m.outs, i: winoAccurate.side() * m.uPlane, j: m.uPlane},
			})
		}
	})
}

func (m *tileLanes) free() {
	m.FreeForm(m.u)
	scratch.Free(m.bias)
}

// RunTileLanes computes a correlation by this method. bias may be nil.
func RunTileLanes(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newTileLanes(c, w, weight, bias)
	defer m.free()
	w.For(m.units(m.Batch)*m.Group, 1, func(lo, hi int) {
		s := m.newState()
		defer s.free()
		for i := lo; i < hi; i++ {
			u, g := m.unit(i/m.Group, m.Batch), i%m.Group
			s.load(u, g, source)
			s.ahead = lookAhead{}
			if i+1 < hi {
				s.ahead.from[0] = m.imagesOf(m.unit((i+1)/m.Group, m.Batch), source, m.SourceSize)
			}
			s.ahead.from[1] = m.imagesOf(u, result, m.ResultSize)
			for _, x := range m.Prefetch {
				s.ahead.from[2] = m.imagesOf(u, x, m.ResultSize)
			}
			s.multiply(u, g)
			s.store(u, g, result)
		}
	})
}

// imagesOf returns the part of an array that belongs to the images of a unit, with size
// elements for each image. It returns nil unless that part is contiguous.
func (m *tileLanes) imagesOf(u winoUnit, x []float32, size int) []float32 {
	if m.Group > 1 || u.rows < m.high {
		return nil
	}
	return x[u.image*size : (u.image+u.images)*size]
}
