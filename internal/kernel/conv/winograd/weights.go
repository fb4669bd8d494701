package winograd

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// winoWeightGradient computes the gradient of the weights of a 3×3 convolution with stride
// 1. For each ξ it is the sum of vᵀ[ξ]·y[ξ] over all tiles, transformed back once at the
// end. v is computed from x as in the forward direction, and y from gy.
type winoWeightGradient struct {
	*plan.Conv
	winoTiling
	micro.Split
	inPitch, outPitch int
	units             int // transformed at a time
	vPlane, yPlane    int
	uPlane            int
	v, y, u           *[]float32
	row, step         *[]micro.Pair
	buffers           parallel.FreeList[weightSources]
}

// weightSources hold a piece of x and one of gy.
type weightSources struct{ x, y winoSource }

func (m *winoWeightGradient) sources() weightSources {
	return weightSources{newWinoSource(m.winoTiling, m.inPitch, 2, m.Pad), newWinoSource(m.winoTiling, m.outPitch, 0, window.Vec3{})}
}

// TileWeightsCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func TileWeightsCost(p *plan.Conv) (cost int, ok bool) {
	return winogradCost(p, winoFast, p.InChannels, p.OutChannels, p.Out)
}

// RunTileWeights computes gw by this method.
func RunTileWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	p.InParts(w, 6400, x, gy, gw, winoGradWeight)
}

// winoGradWeight computes gw for a part of the batch.
func winoGradWeight(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	m := &winoWeightGradient{Conv: p, Split: micro.NewSplit(p.OutChannels), inPitch: simd.RoundUp(p.InChannels, simd.Lanes()), outPitch: simd.RoundUp(p.OutChannels, simd.Lanes())}
	// The sums are read and written for every block of tiles, so a block is as large as
	// they are.
	form := winoFast // accurate enough here, as sums are over all tiles
	n := form.products()
	tiles := min(max(n*m.inPitch*m.outPitch, 1<<17), 1<<22) / (n * (m.inPitch + m.outPitch))
	m.winoTiling = newWinoTiling(form, p.Out, min(tiles, 64))
	all := m.winoTiling.units(p.Batch)
	m.units = min(max(1, tiles/m.tiles()), all)
	capacity := m.units * m.tiles()
	m.vPlane, m.yPlane, m.uPlane = capacity*m.inPitch+planeGap, capacity*m.outPitch+planeGap, m.inPitch*m.outPitch+planeGap
	m.v, m.y, m.u = scratch.Floats(n*m.vPlane), scratch.Floats(n*m.yPlane), scratch.Floats(n*m.uPlane)
	defer scratch.Free(m.v)
	defer scratch.Free(m.y)
	defer scratch.Free(m.u)
	m.row, m.step = scratch.Pairs(simd.RoundUp(p.InChannels, micro.Rows())), scratch.Pairs(capacity)
	defer scratch.FreePairs(m.row)
	defer scratch.FreePairs(m.step)
	for i := range *m.row {
		(*m.row)[i] = micro.Pair{min(i, p.InChannels-1), min(i, p.InChannels-1) * m.outPitch}
	}
	for i := range *m.step {
		(*m.step)[i] = micro.Pair{i * m.inPitch, i * m.outPitch}
	}
	for g := range p.Group {
		for first := 0; first < all; first += m.units {
			n := m.prepare(w, g, first, min(m.units, all-first), x, gy)
			m.accumulate(w, n, first > 0, m.ahead(first+m.units, all, x, gy))
		}
		m.finish(w, gw[g*p.WSize:(g+1)*p.WSize])
	}
	m.buffers.Each(func(s weightSources) {
		s.x.free()
		s.y.free()
	})
}

// prepare transforms the tiles of some units and returns their number.
func (m *winoWeightGradient) prepare(w *parallel.Workers, group, first, units int, x, gy []float32) (tiles int) {
	w.For(units, 1, func(lo, hi int) {
		s := m.buffers.Get(m.sources)
		defer m.buffers.Put(s)
		for i := lo; i < hi; i++ {
			u := m.unit(first+i, m.Batch)
			for n := range u.images {
				at := (u.image+n)*m.Group + group
				t := m.firstTile(first, i) + n*u.rows*m.wide
				s.x.load(x[at*m.XSize:(at+1)*m.XSize], m.InChannels, m.In, u.row, u.rows)
				s.x.transform(winoInput, u.rows, *m.v, t, m.vPlane)
				s.y.load(gy[at*m.YSize:(at+1)*m.YSize], m.OutChannels, m.Out, u.row, u.rows)
				s.y.transform(winoOutputGrad, u.rows, *m.y, t, m.yPlane)
				if u.row == 0 {
					m.AccumulateBias(x, gy, at)
				}
			}
		}
	})
	return m.firstTile(first, units)
}

// firstTile returns the number of the first tile of unit first+i, counted from unit first
// on. Only the last unit of an image or of the batch is smaller than the others.
func (m *winoWeightGradient) firstTile(first, i int) (tile int) {
	for j := range i {
		u := m.unit(first+j, m.Batch)
		tile += u.images * u.rows * m.wide
	}
	return tile
}

// ahead returns what to prefetch of x and gy for the units from first on. It leaves room in
// the L2 cache.
func (m *winoWeightGradient) ahead(first, all int, x, gy []float32) (a lookAhead) {
	const most = 1 << 15
	if first < all && m.Group == 1 && m.rows == m.high {
		image := m.unit(first, m.Batch).image
		a.from[0] = plan.SliceUpTo(x, image*m.XSize, min(most, m.units*m.images*m.XSize))
		a.from[1] = plan.SliceUpTo(gy, image*m.YSize, min(most, m.units*m.images*m.YSize))
	}
	return a
}

// accumulate adds the products of the first n tiles.
func (m *winoWeightGradient) accumulate(w *parallel.Workers, n int, add bool, ahead lookAhead) {
	if laneCode() != nil {
		m.accumulateBlocks(w, n, add, ahead)
		return
	}
	w.For(m.products(), 1, func(lo, hi int) {
		for xi := lo; xi < hi; xi++ {
			for i := range m.Panels {
				j0, j1 := m.Panel(i)
				t := micro.Tile{Row: *m.row, Rows: m.InChannels, Cols: j1 - j0, A: (*m.v)[xi*m.vPlane:], B: (*m.y)[xi*m.yPlane+j0:], C: (*m.u)[xi*m.uPlane+j0:], Init: micro.InitFrom(add)}
				t.RunInSteps((*m.step)[:n])
			}
		}
	})
}

// accumulateBlocks is accumulate for 8 channels at a time. It prefetches.
func (m *winoWeightGradient) accumulateBlocks(w *parallel.Workers, n int, add bool, ahead lookAhead) {
	more := 0
	if add {
		more = 1
	}
	blocks, vectors := (m.InChannels+micro.Channels()-1)/micro.Channels(), m.outPitch/simd.Lanes()
	w.For(m.products(), 1, func(lo, hi int) {
		ahead := ahead
		for i := range ahead.from { // the share of these products
			x := ahead.from[i]
			ahead.from[i] = x[lo*len(x)/m.products() : hi*len(x)/m.products()]
		}
		ahead.spread((hi - lo) * (vectors + 2) / 3)
		for xi := lo; xi < hi; xi++ {
			v := &(*m.v)[xi*m.vPlane]
			for j := 0; j < vectors; {
				width := panelWidth(vectors - j)
				prefetch, rate := ahead.next(blocks*n, v)
				laneCode().products[width-1](blocks, n, v, micro.Channels(), &(*m.y)[xi*m.yPlane+j*simd.Lanes()], &(*m.u)[xi*m.uPlane+j*simd.Lanes()], m.outPitch, more,
					m.inPitch, m.outPitch, simd.Lanes(), prefetch[0], prefetch[1], prefetch[2], rate[0], rate[1], rate[2])
				j += width
			}
		}
	})
}

// finish transforms the sums of a group back and writes its weights.
func (m *winoWeightGradient) finish(w *parallel.Workers, gw []float32) {
	w.For(m.InChannels, parallel.GrainOf(m.products()*m.outPitch), func(lo, hi int) {
		taps := scratch.Floats(9 * m.outPitch)
		defer scratch.Free(taps)
		for c := lo; c < hi; c++ {
			runTransform(winoWeightGrad, &winoArgs{
				tiles: 1, channels: m.outPitch,
				src: *m.u, from: winoLayout{at: c * m.outPitch, i: m.side() * m.uPlane, j: m.uPlane},
				dst: *taps, to: winoLayout{i: 3 * m.outPitch, j: m.outPitch},
			})
			simd.TransposeAll(gw[9*c:], 9*m.InChannels, *taps, m.outPitch, 9, m.OutChannels)
		}
	})
}
